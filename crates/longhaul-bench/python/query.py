"""The query as it is written with the official SDK: one page after the other, the distinct values in a set.

Reads the connection string from standard input, and prints seconds, CPU seconds, peak memory in bytes and the count.
"""

import json
import resource
import sys
import time

from azure.data.tables import TableClient

request = json.load(sys.stdin)
table = TableClient.from_connection_string(request["connectionString"], table_name=request["table"])
before = resource.getrusage(resource.RUSAGE_SELF)
begin = time.perf_counter()
values = set()
for entity in table.query_entities(request["filter"], select=[request["column"]]):
    value = entity.get(request["column"])
    if value is not None:
        values.add(value)
seconds = time.perf_counter() - begin
after = resource.getrusage(resource.RUSAGE_SELF)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
print(json.dumps({"seconds": seconds, "cpuSeconds": cpu, "peakBytes": after.ru_maxrss * 1024, "distinct": len(values)}))
