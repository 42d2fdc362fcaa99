"""Registered webhooks in tests: registering them, and asking what they were told."""

import datetime

from waiting import wait_until

UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"


def register(client, url, **fields):
    """The webhook with its secret."""
    return client.post("/webhooks", {"url": url, **fields}).expect(201).json


def webhook(client, webhook_id):
    return client.get(f"/webhooks/{webhook_id}").expect(200).json


def change(client, webhook_id, **fields):
    return client.patch(f"/webhooks/{webhook_id}", fields).expect(200).json


def deliveries_to(client, webhook_id, **query):
    """All of them, the newest first."""
    found, token = [], ""
    while True:
        page = client.get(f"/webhooks/{webhook_id}/deliveries", query={**query, "page_token": token}).expect(200).json
        found += page["deliveries"]
        token = page["next_page_token"]
        if not token:
            return found


def deliveries_of(client, task_id):
    return client.get(f"/tasks/{task_id}/deliveries").expect(200).json["deliveries"]


def delivery(client, delivery_id):
    return client.get(f"/deliveries/{delivery_id}").expect(200).json


def over(client, delivery_id):
    """The delivery, once it is no longer pending."""
    def ended():
        one = delivery(client, delivery_id)
        return one if one["status"] != "pending" else None
    return wait_until(ended, lambda: f"the end of {delivery(client, delivery_id)}")


def tried(client, delivery_id, attempts):
    """The delivery, once so many attempts are written down."""
    def so_many():
        one = delivery(client, delivery_id)
        return one if len(one["attempts"]) >= attempts else None
    return wait_until(so_many, lambda: f"{attempts} attempts of {delivery(client, delivery_id)}")


def until_disabled(client, webhook_id):
    def is_disabled():
        one = webhook(client, webhook_id)
        return one if one["disabled"] else None
    return wait_until(is_disabled, lambda: f"{webhook(client, webhook_id)} to be disabled")


def told_of(client, webhook_id):
    """Starts a task, and returns the delivery that its end made."""
    task_id = client.run("echo")["task_id"]
    (found,) = [one for one in deliveries_to(client, webhook_id) if one["task_id"] == task_id]
    return found


def redeliver(client, delivery_id):
    answer = client.post(f"/deliveries/{delivery_id}/redeliver").expect(202)
    assert answer.header("Location") == f"/deliveries/{delivery_id}"
    return answer.json


def recover(client, webhook_id, since):
    return client.post(f"/webhooks/{webhook_id}/recover", {"since": since}).expect(202).json["matched"]


def remove_all(client):
    for one in client.get("/webhooks").expect(200).json["webhooks"]:
        client.delete(f"/webhooks/{one['webhook_id']}").expect(204)


def time_of(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
