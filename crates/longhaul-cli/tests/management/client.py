"""Drives each method of Azure's Durable Functions client, unmodified, against an application whose base is given."""

import asyncio
import json
import sys
from datetime import datetime, timedelta, timezone

import azure.functions as func
from azure.durable_functions import DurableOrchestrationClient, EntityId, OrchestrationRuntimeStatus as Status

BASE = sys.argv[1]
WEBHOOKS = BASE + "/runtime/webhooks/durabletask/instances/INSTANCEID"
CONTEXT = {
    "taskHubName": "program",
    "creationUrls": {
        "createNewInstancePostUri": BASE + "/runtime/webhooks/durabletask/orchestrators/{functionName}[/{instanceId}]",
    },
    "managementUrls": {
        "id": "INSTANCEID",
        "statusQueryGetUri": WEBHOOKS + "?taskHub=program",
        "sendEventPostUri": WEBHOOKS + "/raiseEvent/{eventName}?taskHub=program",
        "terminatePostUri": WEBHOOKS + "/terminate?reason={text}&taskHub=program",
        "rewindPostUri": WEBHOOKS + "/rewind?reason={text}&taskHub=program",
        "purgeHistoryDeleteUri": WEBHOOKS + "?taskHub=program",
        "restartPostUri": WEBHOOKS + "/restart?taskHub=program",
        "suspendPostUri": WEBHOOKS + "/suspend?reason={text}&taskHub=program",
        "resumePostUri": WEBHOOKS + "/resume?reason={text}&taskHub=program",
    },
    "rpcBaseUrl": BASE + "/durabletask/",
}
WAITS = {"program": {"op": "event", "name": "go"}}


class Watched:
    """The client, which notes what is called of it."""

    def __init__(self, client):
        self.client = client
        self.called = set()

    def __getattr__(self, name):
        self.called.add(name)
        return getattr(self.client, name)


def value(what):
    return {"program": {"op": "value", "value": what}}


async def refused(awaitable, expected):
    try:
        await awaitable
    except Exception as error:
        assert expected in str(error), error
    else:
        raise AssertionError("it was not refused: " + expected)


async def becomes(client, instance_id, status):
    for _ in range(600):
        found = await client.get_status(instance_id)
        if found.runtime_status == status:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(f"{instance_id} does not become {status}: {found.to_json()}")


async def starts_and_statuses(client):
    instance_id = await client.start_new("program", None, value({"a": [1, "zwei"]}))
    assert len(instance_id) == 32, instance_id
    found = await becomes(client, instance_id, Status.Completed)
    assert found.output == {"a": [1, "zwei"]} and found.name == "program"
    shown = await client.get_status(instance_id, show_history=True, show_history_output=True, show_input=True)
    assert shown.input_ == value({"a": [1, "zwei"]}), shown.input_
    events = shown.historyEvents
    assert [event["EventType"] for event in events] == ["ExecutionStarted", "ExecutionCompleted"], events
    assert events[1]["Result"] == {"a": [1, "zwei"]}
    assert shown.created_time.date() == datetime.now(timezone.utc).date()

    assert await client.start_new("program", "chosen-1", WAITS, version="2") == "chosen-1"
    await becomes(client, "chosen-1", Status.Running)
    await refused(client.start_new("program", "chosen-1", WAITS), "status Running already exists")
    await refused(client.start_new("nobody"), "The function 'nobody' doesn't exist")
    await refused(client.start_new("program", "@a"), "not an instance id")
    assert not await client.get_status("nobody")
    # An id with blanks and other letters, of which the library encodes some.
    assert await client.start_new("program", "ein Ü", value("x")) == "ein Ü"
    assert (await becomes(client, "ein Ü", Status.Completed)).output == "x"


async def events(client):
    for data in [{"day": 1}, [1, 2], "text", "007", 7, 1.5, 1e-7, 1e16, True, False, None, "", "{}", {"a": "[1]"}]:
        instance_id = await client.start_new("program", None, WAITS)
        await client.raise_event(instance_id, "go", data, task_hub_name="program", connection_name="Storage")
        found = await becomes(client, instance_id, Status.Completed)
        # What Python writes twice is read twice, so a text that is JSON, such as "{}", stays the text that it was.
        assert found.output == data and type(found.output) is type(data), (data, found.output)
    await refused(client.raise_event(instance_id, "go", 1), "is gone")
    await refused(client.raise_event("nobody", "go", 1), "No instance with ID nobody found")
    await refused(client.raise_event("chosen-1", "", 1), "non-empty")


async def operations(client):
    instance_id = await client.start_new("program", "told", WAITS)
    await becomes(client, instance_id, Status.Running)
    await client.suspend(instance_id, "a lunch & more")
    await becomes(client, instance_id, Status.Suspended)
    await refused(client.suspend(instance_id, "again"), "409")
    await client.resume(instance_id, "back")
    await becomes(client, instance_id, Status.Running)
    await refused(client.resume(instance_id, "again"), "409")
    await refused(client.rewind(instance_id, "early"), "Running")
    await client.terminate(instance_id, "enough of it")
    assert (await becomes(client, instance_id, Status.Terminated)).output == "enough of it"
    # Of one that has finished the library makes no error.
    for method in [client.terminate, client.suspend, client.resume]:
        await method(instance_id, "late")
        await refused(method("nobody", "x"), "No instance with ID 'nobody' found")
    await refused(client.rewind(instance_id, "late"), "only supported on failed")
    await refused(client.rewind("nobody", "x"), "No instance with ID nobody found")

    stumbles = {"program": {"op": "activity", "name": "stumble", "input": {"key": "client"}}}
    failed = await client.start_new("program", "failed", stumbles)
    assert "stumbled" in (await becomes(client, failed, Status.Failed)).output
    await client.rewind(failed, "mended", "program", "Storage")
    await becomes(client, failed, Status.Completed)

    again = await client.restart("told")
    assert again["id"] != "told" and (await becomes(client, again["id"], Status.Running))
    same = await client.restart("told", restart_with_new_instance_id=False)
    assert same["id"] == "told" and (await becomes(client, "told", Status.Running))
    await refused(client.restart("told", restart_with_new_instance_id=False), "409")
    await refused(client.restart("nobody"), "No instance with ID 'nobody' found")


async def lists(client):
    start = datetime.now(timezone.utc) - timedelta(hours=1)
    for number in range(150):
        await client.start_new("program", f"many-{number}", value(number))
    everything = await client.get_status_all()
    assert len(everything) > 150 and all(everything), len(everything)
    many = await client.get_status_by(start, datetime.now(timezone.utc) + timedelta(hours=1), None, "many-")
    assert [one.instance_id for one in many] == [f"many-{number}" for number in range(150)]
    for number in range(150):
        await becomes(client, f"many-{number}", Status.Completed)
    running = await client.get_status_by(runtime_status=[Status.Running, Status.Failed])
    assert {one.runtime_status for one in running} == {Status.Running}, running
    assert await client.get_status_by(created_time_to=start) == []

    assert (await client.purge_instance_history("many-7")).instances_deleted == 1
    assert (await client.purge_instance_history("many-7")).instances_deleted == 0
    await refused(client.purge_instance_history("told"), "409")
    done = await client.get_status_by(runtime_status=[Status.Completed])
    purged = await client.purge_instance_history_by(start, None, [Status.Completed])
    assert purged.instances_deleted == len(done), (purged.instances_deleted, len(done))
    assert (await client.purge_instance_history_by(start, None, [Status.Completed])).instances_deleted == 0
    assert await client.get_status_by(runtime_status=[Status.Completed]) == []


async def answers(client):
    request = func.HttpRequest("GET", BASE + "/api/x", body=b"")
    links = client.create_http_management_payload("told")
    assert links["terminatePostUri"].startswith(BASE + "/runtime/webhooks/durabletask/instances/told/terminate")
    assert client.get_client_response_links(request, "told")["id"] == "told"
    response = client.create_check_status_response(request, "told")
    assert response.status_code == 202 and json.loads(response.get_body())["id"] == "told"
    waited = client.wait_for_completion_or_create_check_status_response
    assert (await waited(request, "told", 200, 100)).status_code == 202
    instance_id = await client.start_new("program", None, value({"x": 1}))
    response = await waited(request, instance_id, 20000, 50)
    assert response.status_code == 200 and json.loads(response.get_body()) == {"x": 1}


async def entities(client):
    """There are none yet."""
    entity = EntityId("counter", "a")
    assert not (await client.read_entity_state(entity, "program", "Storage")).entity_exists
    await refused(client.signal_entity(entity, "add", 1), "404")


async def main():
    client = Watched(DurableOrchestrationClient(json.dumps(CONTEXT)))
    for part in [starts_and_statuses, events, operations, lists, answers, entities]:
        await part(client)
    public = {name for name in dir(DurableOrchestrationClient) if not name.startswith("_")}
    methods = {name for name in public if callable(getattr(DurableOrchestrationClient, name))}
    assert methods == client.called & methods, methods - client.called
    print("all methods work:", ", ".join(sorted(methods)))


asyncio.run(main())
