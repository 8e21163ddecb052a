"""A stand-in for terraform's google provider: real schemas, no Google.

Terraform starts no provider here: this process serves on a socket and terraform attaches to it
(TF_REATTACH_PROVIDERS), so a hundred runs share one start. It refuses what the schema refuses
(terraform itself does) and enum values that the provider's documentation does not list; it plans
what it is given; what Google would compute it leaves unknown, as the real provider does, or, on its
`known` socket, fills in by the rules of known.json, so that a plan shows what ends up in each place.

Usage: provider.py FOLDER, with FOLDER/schemas.json: provider name -> resources, data_sources. It
serves FOLDER/NAME.unknown and FOLDER/NAME.known of each. Runs in the environment of the PyPI package
`tf`, which brings the stubs of terraform's plugin protocol 6.
"""

import json
import re
import signal
import sys
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
import msgpack
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

UNKNOWN = msgpack.ExtType(0, b"\x00")
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4, "group": 5}
STRING, BOOL = "string", "bool"
LIMITS = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
# What the example's provider block would fill in.
DEFAULTS = {"project": "example-project", "region": "europe-west1", "location": "europe-west1"}
PROVIDER = {
    name: {"type": STRING, "optional": True}
    for name in (
        "access_token",
        "billing_project",
        "credentials",
        "impersonate_service_account",
        "project",
        "region",
        "request_reason",
        "zone",
    )
} | {
    "default_labels": {"type": ["map", STRING], "optional": True},
    "user_project_override": {"type": BOOL, "optional": True},
}


def decode(value: pb.DynamicValue) -> Any:
    """Read a value of the protocol; an unknown one is an ExtType."""
    return msgpack.unpackb(value.msgpack, strict_map_key=False) if value.msgpack else None


def encode(value: Any) -> pb.DynamicValue:
    """Write a value for the protocol."""
    return pb.DynamicValue(msgpack=msgpack.packb(value))


def attribute_message(name: str, attribute: dict[str, Any]) -> pb.Schema.Attribute:
    """Turn an attribute into the protocol's message; what ends in `_wo` is write-only."""
    message = pb.Schema.Attribute(
        name=name,
        type=json.dumps(attribute["type"]).encode(),
        **{key: attribute.get(key, False) for key in ("required", "optional", "computed")},
    )
    if name.endswith("_wo"):
        message.MergeFromString(b"\x58\x01")  # field 11, write_only, which the stubs lack
    return message


def block_message(block: dict[str, Any]) -> pb.Schema.Block:
    """Turn a block of the schema file into the protocol's message."""
    return pb.Schema.Block(
        version=0,
        attributes=[
            attribute_message(name, attribute)
            for name, attribute in sorted(block.get("attributes", {}).items())
        ],
        block_types=[
            pb.Schema.NestedBlock(
                type_name=name,
                block=block_message(nested["block"]),
                nesting=NESTING[nested["nesting_mode"]],
                min_items=nested.get("min_items", 0),
                max_items=nested.get("max_items", 0),
            )
            for name, nested in sorted(block.get("block_types", {}).items())
        ],
    )


def schema_message(schema: dict[str, Any]) -> pb.Schema:
    """Turn one resource's schema into the protocol's message."""
    return pb.Schema(version=schema["version"], block=block_message(schema["block"]))


def nested_values(value: Any) -> list[Any]:
    """List the objects of a nested block, whatever its nesting mode."""
    if isinstance(value, msgpack.ExtType) or value is None:
        return []
    if isinstance(value, list):
        return [item for item in value if isinstance(item, dict)]
    return [value] if isinstance(value, dict) else []


def refused_values(block: dict[str, Any], config: dict[str, Any], path: str = "") -> list[str]:
    """List the arguments whose value is none of the documented ones."""
    refused = []
    for name, attribute in block["attributes"].items():
        value = config.get(name)
        values = value if isinstance(value, list) else [value]
        refused += [
            f"{path}{name} is {item!r}; the documented values are {', '.join(attribute['enum'])}"
            for item in values
            if attribute.get("enum") and isinstance(item, str) and item not in attribute["enum"]
        ]
    for name, nested in block["block_types"].items():
        for item in nested_values(config.get(name)):
            refused += refused_values(nested["block"], item, f"{path}{name}.")
    return refused


class Known:
    """What Google would compute: by rule where modules chain on it, else a telling placeholder."""

    def __init__(self, rules: dict[str, dict[str, Any]]) -> None:
        """Take the rules: resource type -> attribute -> text with {argument} in it, or the value."""
        self._rules = rules

    def fill(self, kind: str, state: dict[str, Any], block: dict[str, Any]) -> None:
        """Replace the unknown strings of a resource; what depends on an unknown stays unknown."""
        rules = self._rules.get(kind, {})
        for name in DEFAULTS.keys() & block["attributes"].keys():
            if state.get(name) == UNKNOWN:
                state[name] = DEFAULTS[name]
        for name in [*rules, *block["attributes"]]:
            attribute = block["attributes"].get(name)
            if attribute is None or state.get(name) != UNKNOWN:
                continue
            rule = rules.get(name)
            if rule is None and attribute["type"] == STRING and name in {"id", "self_link", "name"}:
                rule = kind + "/{" + self._label(state) + "}"
            if rule is not None:
                state[name] = self._render(rule, state) if isinstance(rule, str) else rule

    @staticmethod
    def _label(state: dict[str, Any]) -> str:
        labels = [key for key in state if key == "name" or key.endswith(("_id", "display_name"))]
        return next((key for key in labels if isinstance(state[key], str)), "project")

    @staticmethod
    def _render(rule: str, state: dict[str, Any]) -> Any:
        names = re.findall(r"{(\w+)}", rule)
        values = {name: state.get(name) for name in names}
        if any(isinstance(value, msgpack.ExtType) for value in values.values()):
            return UNKNOWN
        return rule.format(**{name: "" if v is None else v for name, v in values.items()})


def mark_unknown(block: dict[str, Any], state: dict[str, Any]) -> None:
    """Make computed arguments that were not given unknown, write-only ones null: a planned creation."""
    for name, attribute in block["attributes"].items():
        if name.endswith("_wo"):
            state[name] = None
        elif attribute.get("computed") and state.get(name) is None:
            state[name] = UNKNOWN
    for name, nested in block["block_types"].items():
        for item in nested_values(state.get(name)):
            mark_unknown(nested["block"], item)


class Provider(rpc.ProviderServicer):
    """Serves one schema file; keeps nothing between calls."""

    def __init__(self, schemas: dict[str, Any], known: Known, *, fill: bool) -> None:
        """Take the schemas (`resources`, `data_sources`) and whether to fill in computed values."""
        self._resources = schemas["resources"]
        self._data_sources = schemas["data_sources"]
        self._known = known
        self._fill = fill

    def GetMetadata(self, request, context):
        return pb.GetMetadata.Response(
            resources=[pb.GetMetadata.ResourceMetadata(type_name=name) for name in self._resources],
            data_sources=[
                pb.GetMetadata.DataSourceMetadata(type_name=name) for name in self._data_sources
            ],
        )

    def GetProviderSchema(self, request, context):
        blocks = {"batching": {"nesting_mode": "list", "max_items": 1, "block": {}}}
        return pb.GetProviderSchema.Response(
            provider=pb.Schema(
                version=0,
                block=block_message({"attributes": PROVIDER, "block_types": blocks}),
            ),
            resource_schemas={k: schema_message(v) for k, v in self._resources.items()},
            data_source_schemas={k: schema_message(v) for k, v in self._data_sources.items()},
        )

    def ValidateProviderConfig(self, request, context):
        return pb.ValidateProviderConfig.Response()

    def ConfigureProvider(self, request, context):
        return pb.ConfigureProvider.Response()

    def StopProvider(self, request, context):
        return pb.StopProvider.Response()

    def ValidateResourceConfig(self, request, context):
        block = self._resources[request.type_name]["block"]
        refused = refused_values(block, decode(request.config) or {})
        return pb.ValidateResourceConfig.Response(
            diagnostics=[
                pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=f"{request.type_name}: {text}")
                for text in refused
            ]
        )

    def ValidateDataResourceConfig(self, request, context):
        return pb.ValidateDataResourceConfig.Response()

    def UpgradeResourceState(self, request, context):
        state = json.loads(request.raw_state.json)
        return pb.UpgradeResourceState.Response(upgraded_state=encode(state))

    def ReadResource(self, request, context):
        return pb.ReadResource.Response(new_state=request.current_state)

    def ReadDataSource(self, request, context):
        state = decode(request.config)
        block = self._data_sources[request.type_name]["block"]
        mark_unknown(block, state)
        self._known.fill(f"data.{request.type_name}", state, block)
        for name, value in state.items():  # what was read is known, if only as nothing
            if isinstance(value, msgpack.ExtType):
                state[name] = None
        return pb.ReadDataSource.Response(state=encode(state))

    def PlanResourceChange(self, request, context):
        state = decode(request.proposed_new_state)
        if state is None:  # a destruction
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        block = self._resources[request.type_name]["block"]
        if decode(request.prior_state) is None:
            mark_unknown(block, state)
            if self._fill:
                self._known.fill(request.type_name, state, block)
        return pb.PlanResourceChange.Response(planned_state=encode(state))

    def ApplyResourceChange(self, request, context):
        state = decode(request.planned_state)
        if state is not None:
            block = self._resources[request.type_name]["block"]
            self._known.fill(request.type_name, state, block)
            forget_unknown(state)
        return pb.ApplyResourceChange.Response(new_state=encode(state))


def forget_unknown(value: Any) -> None:
    """Make null in place what is still unknown after an apply."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(item, msgpack.ExtType):
            value[key] = None
        elif isinstance(item, dict | list):
            forget_unknown(item)


def main() -> None:
    """Serve until told to stop."""
    folder = Path(sys.argv[1])
    known = Known(json.loads(Path(__file__).with_name("known.json").read_text()))
    servers = []
    for name, schemas in json.loads((folder / "schemas.json").read_text()).items():
        for fill in (False, True):
            server = grpc.server(futures.ThreadPoolExecutor(16), options=LIMITS)
            rpc.add_ProviderServicer_to_server(Provider(schemas, known, fill=fill), server)
            server.add_insecure_port(f"unix://{folder}/{name}.{'known' if fill else 'unknown'}")
            server.start()
            servers.append(server)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    print("ready", flush=True)
    stop.wait()
    for server in servers:
        server.stop(None)


if __name__ == "__main__":
    main()
