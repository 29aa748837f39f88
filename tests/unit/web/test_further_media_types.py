"""An upload may have one of several media types; the document and the table say so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared.web.endpoints import Call, Endpoint, Reply, UserRole
from shared.web.openapi import openapi_document
from shared.web.table import check_table


async def _handler(call: Call) -> Reply:
    return Reply()


UPLOAD = Endpoint(
    method="POST",
    path="/v1/uploads",
    operation_id="upload",
    summary="Upload",
    handler=_handler,
    roles=frozenset({UserRole.ADMIN}),
    request_media_type="application/xml",
    further_media_types=("application/zip",),
)


def test_the_document_names_every_media_type_of_an_upload() -> None:
    document = openapi_document("s", "S", "1", [UPLOAD])
    body = document["paths"]["/v1/uploads"]["post"]["requestBody"]
    assert list(body["content"]) == ["application/xml", "application/zip"]


def test_only_an_upload_has_further_media_types() -> None:
    check_table([UPLOAD])
    with pytest.raises(ValueError, match="only an upload has further media types"):
        check_table([replace(UPLOAD, request_media_type="application/json")])
