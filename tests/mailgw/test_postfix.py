"""A body's own Postfix in front of the gateway."""

from tests.mailgw.postfix import running_postfix


def test_postfix_keeps_mail_for_its_own_domain_and_its_queue_over_a_stop() -> None:
    raw = b"From: <a@ministry.test>\r\nTo: <b@ministry.test>\r\nSubject: one\r\n\r\nText\r\n"
    with running_postfix("ministry.test", relayhost="[127.0.0.1]:1") as postfix:
        postfix.send(raw, "a@ministry.test", "b@ministry.test")
        postfix.wait(postfix.mail)
        assert b"Subject: one" in postfix.mail()[0]
        postfix.send(raw, "a@ministry.test", "diwan@elsewhere.test")
        postfix.wait_for_log("status=deferred")
        postfix.stop()
        postfix.start()
        assert [item["recipients"][0]["address"] for item in postfix.queue()] == ["diwan@elsewhere.test"]
