"""Reads the schemas of the google providers out of the npm packages that are generated from them.

`@cdktf/provider-google` holds, per resource type, JavaScript made from the provider's own schema:
every argument with its type, whether it is a block, and the documented enum values. Two things it
does not tell: which optional arguments Google fills in itself (OPTIONAL_COMPUTED names those that
modules here chain on), and the checks of values that are neither types nor enums.
"""

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Schema = dict[str, Any]

PRIMITIVES = {"string": "string", "number": "number", "boolean": "bool"}
COLLECTIONS = {
    f"{kind}{collection}": [collection.lower(), PRIMITIVES[kind]]
    for kind in PRIMITIVES
    for collection in ("List", "Map")
} | {"anyMap": ["map", "string"]}
GETTERS: dict[str, Any] = {
    "String": "string",
    "Number": "number",
    "Boolean": "bool",
    "List": ["list", "string"],
    "NumberList": ["list", "number"],
    "StringMap": ["map", "string"],
    "NumberMap": ["map", "number"],
    "BooleanMap": ["map", "bool"],
    "AnyMap": ["map", "string"],
}
# Optional arguments that Google fills in when they are not given.
OPTIONAL_COMPUTED = {"id", "project", "region", "zone", "location"}
OPTIONAL_COMPUTED_OF = {
    "google_compute_address": {"address"},
    "google_compute_global_address": {"address"},
    "google_compute_instance_template": {"name"},
    "google_compute_region_instance_template": {"name"},
    "google_compute_forwarding_rule": {"ip_address", "network", "subnetwork"},
    "google_compute_network": {"mtu"},
    "google_sql_database_instance": {"name"},
}

_ENTRY = re.compile(
    r"^\s+(\w+): \{\s*\n\s+value: (.*),\n\s+isBlock: (true|false),\s*\n"
    r'\s+type: "(\w+)",\s*\n\s+storageClassType: "(\w+)"',
    re.MULTILINE,
)
_FIELD = re.compile(r"/\*\*(?P<doc>.*?)\*/\s*readonly (?P<name>\w+)(?P<optional>\??):", re.DOTALL)
_COMPUTED = re.compile(
    r"// (\w+) - computed: true, optional: false.*\n\s+(?:get \w+\(\) \{\s+return |this\._\w+ = )(.*?);"
)
_ENUM = re.compile(r'Possible values(?: are| include)?:? \[?((?:"[^"]*"[,\s]*(?:(?:or|and) )?)+)')


def schemas_of(archive: Path) -> Schema:
    """Read a whole npm archive: `resources` and `data_sources`, by type."""
    sources: dict[str, dict[str, str]] = {}
    with tarfile.open(archive) as tar:
        for member in tar:
            name, _, file = member.name.removeprefix("package/lib/").partition("/")
            if file in {"index.js", "index.d.ts"} and (text := tar.extractfile(member)):
                sources.setdefault(name, {})[file] = text.read().decode()
    schemas: Schema = {"resources": {}, "data_sources": {}}
    for files in sources.values():
        found = re.search(r'tfResourceType = "(\w+)"', files["index.d.ts"])
        if found and "extends cdktf.TerraformProvider" not in files["index.d.ts"]:
            is_data = "extends cdktf.TerraformDataSource" in files["index.js"]
            schema = schema_of(files["index.js"], files["index.d.ts"])
            schemas["data_sources" if is_data else "resources"][found.group(1)] = schema
    return schemas


def schema_of(javascript: str, declarations: str) -> Schema:
    """Build one resource's or data source's schema, in the shape of `terraform providers schema`.

    Attributes have `enum` besides where the documentation lists the values.
    """
    return _Reader(javascript, declarations).top()


class _Reader:
    def __init__(self, javascript: str, declarations: str) -> None:
        self._javascript = javascript
        self._declarations = declarations

    def top(self) -> Schema:
        class_name, resource_type = self._class_and_type()
        start = self._javascript.index(f"class {class_name} extends cdktf.Terraform")
        body = self._javascript[start:]
        block = self._block(
            body[body.index("synthesizeHclAttributes()") :], f"{class_name}Config", body
        )
        filled_in = OPTIONAL_COMPUTED | OPTIONAL_COMPUTED_OF.get(resource_type, set())
        for name in filled_in & block["attributes"].keys():
            if block["attributes"][name].get("optional"):
                block["attributes"][name]["computed"] = True
        return {"version": 0, "block": block}

    def _class_and_type(self) -> tuple[str, str]:
        found = re.search(
            r'export declare class (\w+) extends cdktf\.Terraform\w+ \{\s+static readonly tfResourceType = "(\w+)"',
            self._declarations,
        )
        if found is None:
            message = "no class of a resource in the declarations: has the package changed?"
            raise ValueError(message)
        return found.group(1), found.group(2)

    def _block(self, attributes: str, interface: str, computed: str) -> Schema:
        """Read one block: its arguments from the synthesizer, the computed ones from the getters."""
        fields = self._fields(interface)
        block: Schema = {"attributes": {}, "block_types": {}}
        for name, value, is_block, kind, storage in _ENTRY.findall(attributes):
            required, values = fields.get(name.replace("_", ""), (False, []))
            mapper = _mapper_of(value)
            if is_block == "true" and mapper and storage not in COLLECTIONS:
                block["block_types"][name] = self._nested(mapper, kind, required=required)
            else:
                attribute: Schema = {"type": _type(kind, storage)}
                attribute["required" if required else "optional"] = True
                if values:
                    attribute["enum"] = values
                block["attributes"][name] = attribute
        for name, found in self._computed(computed):
            block["attributes"].setdefault(name, {"type": found, "computed": True})
        return block

    def _nested(self, function: str, kind: str, *, required: bool) -> Schema:
        interface = function[0].upper() + function[1:]
        block = self._block(
            self._function(f"{function}ToHclTerraform"),
            interface,
            self._class(f"{interface}OutputReference"),
        )
        nested: Schema = {"nesting_mode": "single" if kind == "struct" else kind, "block": block}
        if kind != "struct":
            if required:
                nested["min_items"] = 1
            if self._class(f"{interface}OutputReference") and not self._class(f"{interface}List"):
                nested["max_items"] = 1
        return nested

    def _fields(self, interface: str) -> dict[str, tuple[bool, list[str]]]:
        """Map each field, lower case without underscores, to (required, enum values)."""
        found = re.search(
            rf"export interface {interface}(?: extends [\w.]+)? \{{(.*?)\n\}}",
            self._declarations,
            re.DOTALL,
        )
        fields = {}
        for field in _FIELD.finditer(found.group(1) if found else ""):
            enum = _ENUM.search(field["doc"])
            values = re.findall(r'"([^"]*)"', enum.group(1)) if enum else []
            fields[field["name"].lower()] = (not field["optional"], values)
        return fields

    def _computed(self, body: str) -> Iterator[tuple[str, Any]]:
        for name, value in _COMPUTED.findall(body):
            getter = re.search(r"this\.get(\w+)Attribute\(", value)
            listed = re.search(r"new (\w+)List\(this, \"\w+\", (true|false)\)", value)
            mapped = re.search(r"new cdktf\.(\w+)\(this", value)
            if getter:
                found = GETTERS[getter.group(1)]
                yield name, ["set", found[1]] if "tolist" in value else found
            elif mapped:
                storage = mapped.group(1)[0].lower() + mapped.group(1)[1:]
                yield name, COLLECTIONS.get(storage, ["list", ["map", "string"]])
            elif listed:
                objects = dict(self._computed(self._class(f"{listed.group(1)}OutputReference")))
                yield (
                    name,
                    ["set" if listed.group(2) == "true" else "list", ["object", objects]],
                )

    def _function(self, name: str) -> str:
        return self._between(f"function {name}(struct)", "\n}\n")

    def _class(self, name: str) -> str:
        return self._between(f"class {name} extends cdktf.Complex", "\n}\n")

    def _between(self, start: str, end: str) -> str:
        begin = self._javascript.find(start)
        return "" if begin < 0 else self._javascript[begin : self._javascript.find(end, begin)]


def _mapper_of(value: str) -> str:
    """Name the mapper of a nested block, or "": `listMapperHcl(fooToHclTerraform, true)(…)` is `foo`."""
    names = re.findall(r"(\w+)ToHclTerraform", value)
    return next((name for name in names if name not in PRIMITIVES), "")


def _type(kind: str, storage: str) -> Any:
    if kind == "simple":
        return PRIMITIVES.get(storage, "string")
    collection = COLLECTIONS.get(storage, ["map", "string"])
    return [kind if kind in {"list", "set"} else collection[0], collection[1]]
