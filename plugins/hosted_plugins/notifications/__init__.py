"""Who is told by mail what the high-availability broker sees."""

from __future__ import annotations

from typing import Final

from hosted_setup.model.addresses import EmailAddress, EmailAddresses, HostAddress, PortNumber
from hosted_setup.model.question import ask, section

_ROOT: Final = EmailAddress("root@localhost")


@section("Notifications")
class NotificationAnswers:
    """The mail server and the addresses that go into the broker's configuration."""

    smtp_server: HostAddress = ask(
        "SMTP server", key="OVEHOSTED_NOTIF/smtpServer", default=HostAddress("localhost"),
        help="Name or address of the mail server that each host sends its notifications to.",
    )  # fmt: skip
    smtp_port: PortNumber = ask(
        "TCP port of the SMTP server", key="OVEHOSTED_NOTIF/smtpPort", default=PortNumber(25),
        help="Mail is sent without encryption, as the broker does: a port for SMTP without TLS.",
    )  # fmt: skip
    source: EmailAddress = ask(
        "Mail address of the sender", key="OVEHOSTED_NOTIF/sourceEmail", default=_ROOT,
        help="What stands in the From line of a notification.",
    )  # fmt: skip
    destinations: EmailAddresses = ask(
        "Mail addresses of the recipients", key="OVEHOSTED_NOTIF/destEmail", default=EmailAddresses((_ROOT,)),
        help="With commas between them; everybody here hears of each change of a host's state.",
    )  # fmt: skip
