"""The command line `mccs`: every verb of a node's operator, with help, exit status 0, 1 or 2 (fine, failed, wrong use)."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence

from deploy.local.parts import DEPLOYABLES, SERVICES
from libs.common.contracts.consumers import QUEUES
from libs.common.errors import Refusal
from libs.common.service import StartRefused

EPILOG = """examples:
  mccs run                                   the whole node, in one process
  mccs run ledger --role worker              one service by itself, against real servers
  echo "$PASSWORD" | mccs admin create ann@example.org
  mccs settings --json                       every setting, where its value comes from, what it means

Settings are environment variables (MCCS_…) or lines of a file .env in this folder; `mccs settings` lists them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one verb and returns its exit status; as the console script it ends the program with it."""
    options = _parser().parse_args(arguments)
    try:
        status = _verb(options)
    except StartRefused as refused:
        print(f"mccs: {refused.sentence}", file=sys.stderr)
        return refused.status
    except Refusal as refusal:
        for problem in refusal.problems:
            print(f"mccs: {problem.message} ({problem.code})", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return status


def _verb(options: argparse.Namespace) -> int:
    """Imports only what the verb needs: help answers at once."""
    if options.verb == "run":
        from deploy.local.running import run

        return run(options.services, options.role)
    from deploy.local.verbs import VERBS

    return asyncio.run(VERBS[options.verb](options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mccs",
        description="MCCS: a community trades in credit that its members issue together.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    run = verbs.add_parser(
        "run",
        help="start the node, or single services",
        description="Without a name: everything in one process, with the embedded stores in MCCS_DATA unless settings name "
        "servers. With names: those services, each on the port of its MCCS_<NAME>_API_URL (the gateway: MCCS_PORT).",
    )
    run.add_argument("services", nargs="*", metavar="SERVICE", type=_one_of(DEPLOYABLES), help=", ".join(DEPLOYABLES))
    run.add_argument("--role", choices=("api", "worker", "both"), default="both", help="what of the services (both)")
    migrate = verbs.add_parser(
        "migrate",
        help="bring stores up to date",
        description="Brings the stores of all or the named services up to date.",
    )
    migrate.add_argument("services", nargs="*", metavar="SERVICE", type=_one_of(SERVICES), help=", ".join(SERVICES))
    _admin(verbs)
    demo = verbs.add_parser("demo", help="the demo community", description="The demo community; safe to repeat.")
    demo.add_subparsers(dest="action", required=True).add_parser("load", help="load it into the running node")
    settings = verbs.add_parser("settings", help="every setting, its value, its source, what it means")
    settings.add_argument("--json", action="store_true", help="for programs")
    check = verbs.add_parser(
        "check",
        help="audit the books and what is derived from them",
        description="Audits the books, the proofs and the search index; status 1 when something is wrong.",
    )
    check.add_argument("--json", action="store_true", help="for programs")
    rebuild = verbs.add_parser("rebuild", help="rebuild what is derived, while in use")
    rebuild.add_argument("what", choices=("matcher",), help="the search index, from the directory")
    _dead(verbs)
    _verify(verbs)
    return parser


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    """`choices` for arguments that may also be absent."""

    def service(name: str) -> str:
        if name not in names:
            raise argparse.ArgumentTypeError(f"there is no service {name!r}; choose from {', '.join(names)}")
        return name

    return service


def _admin(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    admin = verbs.add_parser("admin", help="admins")
    create = admin.add_subparsers(dest="action", required=True).add_parser(
        "create",
        help="make an admin",
        description="Makes an admin; the password is one line of standard input, or MCCS_ADMIN_PASSWORD.",
    )
    create.add_argument("email", metavar="EMAIL")


def _dead(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    dead = verbs.add_parser("dead", help="messages that no service could handle: list, show, replay, drop")
    actions = dead.add_subparsers(dest="action", required=True)
    for action, meaning in (
        ("list", "list them"),
        ("show", "show one or more whole"),
        ("replay", "hand them to their service again"),
        ("drop", "forget them"),
    ):
        one = actions.add_parser(action, help=meaning)
        one.add_argument("service", metavar="SERVICE", choices=QUEUES, help=", ".join(QUEUES))
        if action != "list":
            one.add_argument("ids", nargs="+", metavar="ID")
        one.add_argument("--json", action="store_true", help="for programs")


def _verify(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    verify = verbs.add_parser(
        "verify-statement",
        help="check a statement offline",
        description="Checks a downloaded statement against its signed proof: no network, no database, nobody else's entries.",
    )
    verify.add_argument("file", metavar="FILE", help="the statement as PDF or JSON")
    verify.add_argument("--lines", action="store_true", help="print the proven lines, to compare with a printed page")
    verify.add_argument("--key", metavar="BASE64", help="the ledger's public key, as you know it from elsewhere")


if __name__ == "__main__":
    sys.exit(main())
