"""Holds every answer of a server against the description that the server itself gives: path, method, status, headers, content
type and body. What is not described is a failure."""

import json
import re
import urllib.parse

import jsonschema

# Headers that any answer may have; all others must be described for it.
GENERAL_HEADERS = {"content-length", "content-type", "date", "connection", "x-request-id", "vary", "retry-after"}
CORS_HEADER = re.compile(r"^access-control-")

# Refusals that do not depend on what is at the path, by status.
GENERAL_REFUSALS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 408: "RequestTimeout", 413: "BodyTooLarge",
    414: "UriTooLong", 417: "ExpectationFailed", 421: "MisdirectedRequest", 431: "HeadersTooLarge",
    500: "InternalError", 501: "NotImplemented", 503: "Unavailable", 505: "HttpVersionNotSupported",
}


class Undescribed(AssertionError):
    """The answer is not what the description says."""


def strict_json(text):
    def object_of(pairs):
        names = [name for name, _ in pairs]
        if len(names) != len(set(names)):
            raise Undescribed(f"a member twice in one object: {names}")
        return dict(pairs)

    def refuse(constant):
        raise Undescribed(f"{constant} is not JSON")

    return json.loads(text, object_pairs_hook=object_of, parse_constant=refuse)


class OpenApiCheck:
    def __init__(self, document):
        assert document["openapi"].startswith("3.1")
        self.document = document
        self.resolver = jsonschema.RefResolver("", document)
        self.formats = jsonschema.FormatChecker()
        self.templates = [(re.compile("^" + re.sub(r"\{\w+\}", "[^/]+", path) + "$"), path)
                          for path in document["paths"]]
        self.seen = set()  # (method, path template, status) of every answer checked

    def check_value(self, schema, value):
        """A part of a stream, by the name of its schema."""
        self._validate(value, {"$ref": f"#/components/schemas/{schema}"})

    def check(self, method, target, status, headers, body):
        """`headers`: list of pairs; `body`: bytes. Raises Undescribed."""
        try:
            self._check(method, target, status, headers, body)
        except Undescribed as fault:
            raise Undescribed(f"{method} {target[:200]} -> {status}: {fault}\n{dict(headers)}\n{body[:2000]!r}") from None

    def check_value(self, schema, value):
        """Holds a value that is no HTTP answer against one of the described schemas."""
        self._validate(value, {"$ref": f"#/components/schemas/{schema}"})

    def template_of(self, target):
        segments = [urllib.parse.unquote(segment).replace("/", "%2F") for segment in target.split("?")[0].split("/")]
        path = "/".join(segments)
        for pattern, template in self.templates:
            if pattern.match(path):
                return template
        return None

    def methods_of(self, template):
        methods = {method.upper() for method in self.document["paths"][template]}
        return methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())

    def _check(self, method, target, status, headers, body):
        values = {}
        for name, value in headers:
            values[name.lower()] = values[name.lower()] + ", " + value if name.lower() in values else value
        template = self.template_of(target)
        self.seen.add((method, template, status))
        if method == "OPTIONS" and status == 204:
            self._check_options(template, values, body)
        else:
            self._check_response(self._response(method, template, status), values, body, method == "HEAD")
        if status == 405 and {word.strip() for word in values["allow"].split(",")} != self.methods_of(template):
            raise Undescribed("Allow is not what the path takes")

    def _check_options(self, template, values, body):
        if template is None:
            raise Undescribed("there is nothing at this path")
        if body:
            raise Undescribed("204 with a body")
        if {word.strip() for word in values.get("allow", "").split(",")} != self.methods_of(template):
            raise Undescribed("Allow is not what the path takes")

    def _response(self, method, template, status):
        operation = self.document["paths"].get(template, {}).get("get" if method == "HEAD" else method.lower())
        if operation is not None:
            if str(status) not in operation["responses"]:
                raise Undescribed("no such status is described")
            return self._resolve(operation["responses"][str(status)])
        responses = self.document["components"]["responses"]
        if status == 404:  # also at words below /tasks/ that are kept free
            return responses["NotFound"]
        if template is not None and status == 405:
            return responses["MethodNotAllowed"]
        if status not in GENERAL_REFUSALS:
            raise Undescribed("no such status is described for an unknown path or method")
        return responses[GENERAL_REFUSALS[status]]

    def _check_response(self, response, values, body, is_head):
        described = {name.lower(): self._resolve(header) for name, header in response.get("headers", {}).items()}
        for name, header in described.items():
            self._check_header(name, header, values.get(name))
        for name in values:
            if name not in GENERAL_HEADERS and name not in described and not CORS_HEADER.match(name):
                raise Undescribed(f"header {name} is not described")
        content = response.get("content")
        if content is None:
            if body:
                raise Undescribed("a body where none is described")
            return
        media_type, _, parameters = values.get("content-type", "").partition(";")
        if media_type not in content:
            raise Undescribed(f"content type {media_type!r} is not described")
        if is_head and body:
            raise Undescribed("HEAD with a body")
        if is_head:
            return
        is_text = media_type == "text/plain"
        if is_text and "charset=utf-8" not in parameters:
            raise Undescribed("a text of an unnamed character set")
        text = body.decode("utf-8")
        self._validate(text if is_text else strict_json(text), content[media_type]["schema"])

    def _check_header(self, name, header, value):
        if value is None:
            if header.get("required"):
                raise Undescribed(f"header {name} is missing")
            return
        schema = self._resolve(header["schema"])
        if schema.get("type") == "integer":
            if not re.match(r"^-?\d+$", value):
                raise Undescribed(f"header {name} is not an integer: {value}")
            value = int(value)
        self._validate(value, schema)

    def _validate(self, value, schema):
        validator = jsonschema.Draft202012Validator(schema, resolver=self.resolver, format_checker=self.formats)
        error = jsonschema.exceptions.best_match(validator.iter_errors(value))
        if error is not None:
            raise Undescribed(f"{'/'.join(map(str, error.absolute_path))}: {error.message[:500]}")

    def _resolve(self, item):
        while "$ref" in item:
            with self.resolver.resolving(item["$ref"]) as target:
                item = target
        return item
