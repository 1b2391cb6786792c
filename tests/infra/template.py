"""A template as tests want to read it: resources by type, references by a readable name."""

import re
from typing import Any

HASH = re.compile(r"[0-9A-F]{8}$")


class Template:
    """One synthesised template; ``<StorageMedia>`` stands for whatever refers to that resource."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """All resources of a type, as logical id to properties."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.document["Resources"].items()
            if resource["Type"] == kind
        }

    def only(self, kind: str) -> dict[str, Any]:
        """The properties of the one resource of that type."""
        (properties,) = self.resources(kind).values()
        return properties

    def functions(self) -> dict[str, dict[str, Any]]:
        """The functions by the name that each has in its environment."""
        return {
            properties["Environment"]["Variables"]["FUNCTION_NAME"]: properties
            for properties in self.resources("AWS::Lambda::Function").values()
        }

    def rights(self, role: Any) -> set[tuple[str, str]]:
        """All (action, resource) pairs that a role allows; ``role`` is the reference to it.

        A right under a condition has it in JSON behind its resource.
        """
        role_id = referred(role)
        properties = self.document["Resources"][role_id]["Properties"]
        attached = (
            policy
            for policy in self.resources("AWS::IAM::Policy").values()
            if role_id in [referred(each) for each in policy["Roles"]]
        )
        statements = [
            statement
            for policy in (*properties.get("Policies", ()), *attached)
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        assert "ManagedPolicyArns" not in properties, (
            f"{role_id} has rights that no policy of ours spells out"
        )
        assert all(each["Effect"] == "Allow" for each in statements)
        return {
            (action, readable(resource) + (f" if {each}" if (each := statement.get("Condition")) else ""))
            for statement in statements
            for action in as_list(statement["Action"])
            for resource in as_list(statement["Resource"])
        }


def as_list(value: Any) -> list[Any]:
    """CloudFormation writes a list of one as its member."""
    return value if isinstance(value, list) else [value]


def referred(value: Any) -> str:
    """The logical id that a Ref or a GetAtt names."""
    name = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
    assert isinstance(name, str)
    return name


def readable(value: Any) -> str:
    """A string with its references as ``<Name>``, without the hash that ends logical ids."""
    if isinstance(value, str):
        return value
    if "Fn::If" in value:
        condition, yes, no = value["Fn::If"]
        return f"{readable(yes)} if {condition} else {readable(no)}"
    if "Fn::Join" in value:
        separator, parts = value["Fn::Join"]
        return str(separator).join(readable(part) for part in parts)
    if "Fn::Select" in value:
        index, parts = value["Fn::Select"]
        separator, whole = parts["Fn::Split"]
        return f"{readable(whole)} by {separator!r} [{index}]"
    return f"<{HASH.sub('', referred(value))}>"
