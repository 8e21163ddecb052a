"""Say in our own short words what each clause asks that the packs name. Pure.

No text of a standard stands here, and none of it is legal advice. Two things that packs of others
still name are left out on purpose: SR 11-7 was rescinded in April 2026, and the high-risk duties
of the EU AI Act, its articles 12 to 26, apply from December 2027 to systems of Annex III, of which
a coding assistant is by itself none: they are what to build for, not yet a duty.

Source: AICPA Trust Services Criteria 2017 (points of focus 2022); ISO/IEC 42001:2023, Annex A;
Regulation (EU) 2024/1689; PCI DSS 4.0.1; 45 CFR Part 164.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

CLAUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "SOC 2 A1.1": "watch capacity and use, and plan by them",
        "SOC 2 C1.1": "know what is confidential and keep it so",
        "SOC 2 C1.2": "dispose of confidential data when its time is over",
        "SOC 2 CC4.1": "evaluate whether the controls are there and work",
        "SOC 2 CC6.1": "restrict logical access to what is to be protected",
        "SOC 2 CC6.2": "authorise people before they get credentials, take these back afterwards",
        "SOC 2 CC6.3": "grant and change access by role, least privilege, duties apart",
        "SOC 2 CC6.6": "protect against what comes from outside the boundary",
        "SOC 2 CC6.7": "restrict and protect information while it moves",
        "SOC 2 CC6.8": "prevent or find software that nobody authorised",
        "SOC 2 CC7.2": "watch for anomalies",
        "SOC 2 CC7.3": "evaluate events that may be incidents",
        "SOC 2 CC7.4": "respond to incidents by a known procedure",
        "SOC 2 CC8.1": "authorise, test and approve changes",
        "SOC 2 CC9.2": "manage the risk of vendors",
        "SOC 2 P4.3": "dispose of personal data securely",
        "SOC 2 P5.1": "let people see the personal data that is held of them",
        "SOC 2 PI1.4": "deliver output that is complete, accurate and in time",
        "SOC 2 PI1.5": "store inputs and outputs completely and unaltered",
        "ISO 42001 A.10.3": "see that suppliers fit one's own way with AI",
        "ISO 42001 A.2.4": "review the AI policy at planned times",
        "ISO 42001 A.4.2": "document the resources of AI systems",
        "ISO 42001 A.4.4": "document the tools that AI systems use",
        "ISO 42001 A.6.2.6": "operate and monitor AI systems",
        "ISO 42001 A.6.2.8": "record event logs, at least while the system is in use",
        "ISO 42001 A.8.4": "tell those concerned of incidents",
        "ISO 42001 A.9.2": "have processes for responsible use",
        "ISO 42001 A.9.3": "have objectives for responsible use",
        "ISO 42001 A.9.4": "use a system as it was intended and documented",
        "EU AI Act Art. 4": "see that people who use AI understand it",
        "EU AI Act Art. 12(1)": "record events automatically over the life of the system",
        "EU AI Act Art. 12(2)": "record what lets risks and changes be found and use be monitored",
        "EU AI Act Art. 14(4)": "let people understand, override and stop it",
        "EU AI Act Art. 19(1)": "provider: keep the logs that are under one's control",
        "EU AI Act Art. 26(1)": "deployer: use the system as its instructions say",
        "EU AI Act Art. 26(5)": "deployer: monitor its operation, tell of risks and incidents",
        "EU AI Act Art. 26(6)": "deployer: keep its logs for at least six months",
        "PCI DSS 6.5.1": "change systems by an established procedure",
        "PCI DSS 8.6.2": "keep passwords of applications out of scripts and source code",
        "PCI DSS 10.2.1": "have audit logs on for every component",
        "PCI DSS 10.2.1.1": "log each person's access to cardholder data",
        "PCI DSS 10.2.1.2": "log what administrators do",
        "PCI DSS 10.2.1.3": "log access to the audit logs",
        "PCI DSS 10.2.1.4": "log attempts at access that fail",
        "PCI DSS 10.2.1.5": "log changes of accounts and credentials",
        "PCI DSS 10.2.1.6": "log when logging starts, stops or pauses",
        "PCI DSS 10.2.2": "log who, what, when, from where, on what and how it ended",
        "PCI DSS 10.3.2": "protect the logs from modification",
        "PCI DSS 10.3.4": "detect changes of logs",
        "PCI DSS 10.4.1": "review the logs daily",
        "PCI DSS 10.4.1.1": "review them by automated means",
        "PCI DSS 10.4.3": "follow up exceptions and anomalies",
        "PCI DSS 10.5.1": "keep logs for twelve months, three of them at hand",
        "PCI DSS 10.7.2": "find and report failures of security controls at once",
        "HIPAA 164.308(a)(1)(ii)(D)": "review records of activity regularly",
        "HIPAA 164.308(a)(3)(ii)(C)": "end access when employment ends",
        "HIPAA 164.308(a)(4)(ii)(B)": "authorise access",
        "HIPAA 164.308(a)(4)(ii)(C)": "establish, document, review and modify access",
        "HIPAA 164.308(a)(5)(i)": "train people in security",
        "HIPAA 164.308(a)(5)(ii)(C)": "watch log-ins and report discrepancies",
        "HIPAA 164.308(a)(6)(ii)": "respond to incidents, document them and what came of them",
        "HIPAA 164.312(a)(2)(i)": "give each user a name of their own",
        "HIPAA 164.312(b)": "record and examine activity in systems",
        "HIPAA 164.312(c)(1)": "protect data from improper change or destruction",
        "HIPAA 164.312(c)(2)": "be able to show that data was not altered",
        "HIPAA 164.312(d)": "verify that somebody is who they claim to be",
        "HIPAA 164.312(e)(1)": "guard data while it is transmitted",
        "HIPAA 164.316(b)(2)(i)": "keep documentation for six years",
    }
)
