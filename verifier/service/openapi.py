"""The OpenAPI document: FastAPI's own, with the shapes that the reward types declare put in."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from verifier.rewards.registry import reward_types
from verifier.schema import REWARD_SCHEMA_TITLE, JsonObject, ScoreRequest

_REF = "#/components/schemas/{model}"


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        components: JsonObject = schema.setdefault("components", {}).setdefault("schemas", {})
        _add(components, "ScoreRequest", ScoreRequest.model_json_schema(ref_template=_REF))
        for name, reward in reward_types().items():
            _add(components, _parameters_name(name), reward.Parameters.model_json_schema(ref_template=_REF))
        components["Reward"] = _any_reward()
        for name in ("ValidationError", "HTTPValidationError"):
            components.pop(name, None)
        app.openapi_schema = _pointing_at_reward(schema)
    return app.openapi_schema


def request_body() -> JsonObject:
    """How ``POST /score`` names its body: read raw, so FastAPI does not see its type."""
    schema = {"$ref": _REF.format(model="ScoreRequest")}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def _add(components: JsonObject, name: str, schema: JsonObject) -> None:
    components.update(schema.pop("$defs", {}))
    components[name] = schema


def _parameters_name(type_name: str) -> str:
    return "".join(word.capitalize() for word in type_name.split("_")) + "Reward"


def _any_reward() -> JsonObject:
    refs = {name: _REF.format(model=_parameters_name(name)) for name in reward_types()}
    return {
        "oneOf": [{"$ref": ref} for ref in refs.values()],
        "discriminator": {"propertyName": "type", "mapping": refs},
    }


def _pointing_at_reward(node: Any) -> Any:
    """Wherever a reward's specification stands as "any object", a reference to the union of the types."""
    if isinstance(node, dict):
        if node.get("title") == REWARD_SCHEMA_TITLE:
            return {"$ref": _REF.format(model="Reward")}
        return {key: _pointing_at_reward(child) for key, child in node.items()}
    if isinstance(node, list):
        return [_pointing_at_reward(child) for child in node]
    return node
