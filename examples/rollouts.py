"""Rollouts for reinforcement learning: 1,000 episodes, each in a session of its own, over a fleet of hosts.

python examples/rollouts.py                                       starts three hosts on this machine
python examples/rollouts.py --host grpc://10.0.0.1:50051 --host grpc://10.0.0.2:50051
python examples/rollouts.py --ray auto                            a host on each node of a Ray cluster

In an episode a policy looks for a number that its environment keeps: it writes a program, the program calls the environment's
tools, and what it stores is there for the next program. The policy here is a bandit that chooses between two ways to
search and learns from rewards; in yours a model writes the programs.
"""

import argparse
import asyncio
import random
import sys
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from codemode import CodeMode, FleetSessionProvider

GREATEST = 1_000
STEPS = 6
GUESSES = 4

WAYS = {
    "halve": "Math.floor((low + high) / 2)",
    "at random": "low + Math.floor(Math.random() * (high - low + 1))",
}
PROGRAM = """
let [low, high] = load("range") ?? [1, %d];
for (let i = 0; i < %d; i++) {
    const n = %s;
    const found = await tools.guess({ n });
    if (found === "that is it") { text("found"); exit(); }
    if (found === "higher") low = n + 1; else high = n - 1;
    store("range", [low, high]);
}
text(`between ${low} and ${high}`);
"""


@dataclass
class Policy:
    """Chooses a way to search, and remembers what each has earned."""

    earned: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def choose(self) -> str:
        untried = [way for way, rewards in self.earned.items() if len(rewards) < 10]
        if untried or random.random() < 0.1:
            return random.choice(untried or list(WAYS))
        return max(self.earned, key=self.mean)

    def mean(self, way: str) -> float:
        rewards = self.earned[way]
        return sum(rewards) / len(rewards) if rewards else 0.0


async def episode(provider: FleetSessionProvider, way: str) -> float:
    """Play one; the reward: 1 for a number that is found at once, less for each guess."""
    number, guesses = random.randint(1, GREATEST), 0

    async def guess(n: int) -> str:
        """Whether the number is `n`, or higher or lower."""
        nonlocal guesses
        guesses += 1
        return "that is it" if n == number else "higher" if number > n else "lower"

    async with CodeMode(tools=[guess], provider=provider) as cm:
        for _ in range(STEPS):
            result = await cm.run(PROGRAM % (GREATEST, GUESSES, WAYS[way]))
            if result.output == "found":
                return 1 - guesses / (STEPS * GUESSES)
    return 0.0


async def rollouts(provider: FleetSessionProvider, count: int, at_once: int) -> None:
    policy, room = Policy(), asyncio.Semaphore(at_once)
    console = Console()
    columns = (
        TextColumn("episodes"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("reward {task.fields[reward]:.3f}"),
        TimeElapsedColumn(),
    )
    began = time.perf_counter()
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=count, reward=0.0)

        async def play() -> None:
            async with room:
                way = policy.choose()
                reward = await episode(provider, way)
                policy.earned[way].append(reward)
                progress.update(bar, advance=1, reward=policy.mean(way))

        async with asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(play())
    seconds = time.perf_counter() - began
    hosts = len(provider.spread())
    console.print(
        f"{count} episodes on {hosts} hosts in {seconds:.1f} s, {count / seconds:.0f} a second"
    )
    for way, rewards in policy.earned.items():
        console.print(f"  {way:<10} {len(rewards):>5} episodes, mean reward {policy.mean(way):.3f}")


async def local_host(stack: AsyncExitStack) -> str:
    """A host on this machine, for as long as the stack is open."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "codemode", "host", "--listen", "grpc://127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
    )

    async def end() -> None:
        process.terminate()
        await process.wait()

    stack.push_async_callback(end)
    assert process.stdout is not None
    return (await process.stdout.readline()).decode().strip()


async def main() -> None:
    options = argparse.ArgumentParser(description="Rollouts over a fleet of hosts.")
    options.add_argument("--episodes", type=int, default=1_000)
    options.add_argument("--at-once", type=int, default=100)
    options.add_argument("--host", action="append", default=[], help="an endpoint; repeatable")
    options.add_argument("--ray", metavar="ADDRESS", help="of a Ray cluster: auto")
    chosen = options.parse_args()
    async with AsyncExitStack() as stack:
        if chosen.ray:
            import ray  # noqa: PLC0415 - only for who has a cluster

            from codemode.fleet.ray import RayPlaces  # noqa: PLC0415 - the same

            ray.init(address=chosen.ray, log_to_driver=False)
            provider = FleetSessionProvider(RayPlaces())
        else:
            local = [] if chosen.host else [await local_host(stack) for _ in range(3)]
            provider = FleetSessionProvider(chosen.host or local)
        async with provider:
            await rollouts(provider, chosen.episodes, chosen.at_once)


if __name__ == "__main__":
    asyncio.run(main())
