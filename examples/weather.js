// codemode run --tools examples/weather_tools.py examples/weather.js
// Calls run side by side; results are taken as they come; a failed call is a caught error.
const asked = [...(await tools.cities({})), "Atlantis"];
const found = [];
await stream_settled(
  asked.map((city) => tools.weather({ city })),
  ({ status, value, reason, index }) => {
    if (status === "fulfilled") found.push(value);
    else text(`${asked[index]}: ${String(reason.message ?? reason).split("\n")[0]}`);
  },
);
found.sort((a, b) => b.temperature - a.temperature);
for (const { city, temperature, rain } of found) {
  text(`${city}: ${temperature} °C, rain ${Math.round(100 * rain)} %`);
}
