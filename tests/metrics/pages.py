"""Pages of a process, asked for as Prometheus and the kubelet do."""

from __future__ import annotations

import asyncio

from prometheus_client.parser import text_string_to_metric_families

SECONDS = 30.0
"""A bound that never matters."""


async def said(port: int, request: bytes) -> bytes:
    """What a server says to these bytes until it closes."""
    async with asyncio.timeout(SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        answer = await reader.read()
        writer.close()
    return answer


async def page(port: int, path: str) -> tuple[int, str]:
    """The status and the body of a page."""
    answer = await said(port, f"GET {path} HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def samples(text: str) -> dict[str, float]:
    """Our own samples of a page of metrics, by name and labels, without buckets and times of creation."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith("codemode_") and not sample.name.endswith(
                ("_bucket", "_created", "_sum", "_bytes", "_info")
            ):
                labels = ",".join(sample.labels.values())
                found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found
