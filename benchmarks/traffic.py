"""What went over the wire, as the S3 server counts it."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass

from benchmarks.servers import BUCKET

_LINE = re.compile(r"SeaweedFS_s3_(\w+)\{([^}]*)\} (\S+)")
_COUNTERS = {
    "request_total": "requests",
    "bucket_traffic_received_bytes_total": "received",
    "bucket_traffic_sent_bytes_total": "sent",
}


@dataclass(frozen=True)
class Traffic:
    """Requests for the bucket, and bytes of bodies as seen from the server."""

    requests: float = 0
    received: float = 0
    sent: float = 0

    def since(self, before: Traffic) -> Traffic:
        return Traffic(
            self.requests - before.requests,
            self.received - before.received,
            self.sent - before.sent,
        )


def traffic(metrics: str) -> Traffic:
    """Everything since the server was started; asking is not counted."""
    with urllib.request.urlopen(metrics, timeout=30) as answer:
        text = answer.read().decode()
    totals = dict.fromkeys(_COUNTERS.values(), 0.0)
    for name, labels, value in _LINE.findall(text):
        if name in _COUNTERS and f'bucket="{BUCKET}"' in labels:
            totals[_COUNTERS[name]] += float(value)
    return Traffic(**totals)
