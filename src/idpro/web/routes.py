"""HTTP and WebSocket handlers: parse, call the project, serialise.

Plain functions run in the server's threads and are quick. What may wait for the model runs in threads of the project
(``project.waiting``), what opens or makes a project in those of the registry (``opening``).
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse
from starlette.concurrency import run_in_threadpool

from ..atomic import cannot_write
from ..errors import IDProError, MaskError
from ..formats.segmentation import soft_matte
from ..masks import read_mask
from .cards import place_of
from .hub import Subscriber
from .imports import LARGEST_MASK
from .pictures import gray, heat
from .project import Project
from .registry import Registry
from .runs import pack_runs
from .schemas import (
    CommitRequest,
    CopyRequest,
    EditRequest,
    EraseRequest,
    ExportRequest,
    OpenRequest,
    PropagateRequest,
    ReleaseRequest,
    UploadRequest,
)
from .uploads import NotHere, TooLarge

FOREVER = {"cache-control": "private, max-age=86400, immutable"}  # a project's frames never change
NEVER = {"cache-control": "no-store"}

router = APIRouter(prefix="/api")


def registry(request: Request) -> Registry:
    result: Registry = request.app.state.registry
    return result


async def project(project_id: str, request: Request) -> Project:
    return await opened(registry(request), project_id)


async def opened(projects: Registry, project_id: str) -> Project:
    """A project, at once if it is open."""
    found = projects.find(project_id)
    return await projects.opening.run(partial(projects.get, project_id)) if found is None else found


AnyRegistry = Annotated[Registry, Depends(registry)]
AnyProject = Annotated[Project, Depends(project)]


@router.get("/home")
def home(projects: AnyRegistry) -> dict[str, Any]:
    """What can be opened."""
    return {
        "sources": [{"number": s.number, "name": s.name, "folder": s.path.is_dir()} for s in projects.sources],
        "recent": [asdict(card) | {"place": place_of(projects.folder / card.id)} for card in projects.recent()],
    }


@router.post("/projects", status_code=201)
async def open_source(body: OpenRequest, projects: AnyRegistry) -> dict[str, Any]:
    return (await projects.opening.run(partial(projects.open_source, body.source))).describe()


@router.get("/projects/{project_id}")
def describe(project: AnyProject) -> dict[str, Any]:
    return project.describe()


@router.delete("/projects/{project_id}", status_code=204)
async def remove(project_id: str, projects: AnyRegistry) -> None:
    await projects.opening.run(partial(projects.remove, project_id))


@router.get("/projects/{project_id}/cover.jpg")
def cover(project_id: str, projects: AnyRegistry) -> Response:
    path = projects.cover(project_id)
    return Response(path.read_bytes(), media_type="image/jpeg", headers=NEVER)


# Uploads


@router.post("/uploads", status_code=201)
def begin_upload(body: UploadRequest, projects: AnyRegistry) -> dict[str, str]:
    return {"upload": projects.uploads.begin(body.name)}


@router.put("/uploads/{upload}/{name}", status_code=204)
async def take_file(upload: str, name: str, request: Request, projects: AnyRegistry) -> None:
    await projects.uploads.take(upload, name, request.stream())


@router.post("/uploads/{upload}/open", status_code=201)
async def finish_upload(upload: str, projects: AnyRegistry) -> dict[str, Any]:
    return (await projects.opening.run(partial(projects.finish_upload, upload))).describe()


@router.delete("/uploads/{upload}", status_code=204)
def drop_upload(upload: str, projects: AnyRegistry) -> None:
    projects.uploads.drop(upload)


# Pictures


@router.get("/projects/{project_id}/frames/{index}.jpg")
def frame(index: int, project: AnyProject) -> Response:
    return Response(project.pictures.frame(index), media_type="image/jpeg", headers=FOREVER)


@router.get("/projects/{project_id}/thumbnails/{index}.jpg")
def thumbnail(index: int, project: AnyProject) -> Response:
    return Response(project.pictures.thumbnail(index), media_type="image/jpeg", headers=FOREVER)


@router.get("/projects/{project_id}/masks/{index}")
def mask(index: int, project: AnyProject, before: bool = False) -> Response:
    """The mask as run lengths (runs.py); 204 if the frame has none."""
    found = project.mask(index, before)
    if found is None:
        return Response(status_code=204, headers=NEVER)
    return Response(pack_runs(found), media_type="application/octet-stream", headers=NEVER)


@router.get("/projects/{project_id}/previews/{index}")
async def preview(index: int, project: AnyProject, only: int | None = None) -> Response:
    """What the pending marks of a frame come to, as run lengths; 204 if it has no strokes and no boxes."""
    found = await project.waiting.run(partial(project.preview, index, only))
    if found is None:
        return Response(status_code=204, headers=NEVER)
    return Response(pack_runs(found), media_type="application/octet-stream", headers=NEVER)


@router.get("/projects/{project_id}/mattes/{index}.png")
async def matte(index: int, project: AnyProject, object: int) -> Response:
    def make() -> bytes:
        session = project.session
        objects = session.objects
        if object not in objects:
            raise NotHere(f"object {object} has no masks yet")
        return gray(soft_matte(session.probabilities(index), [1 + objects.index(object)]))

    return Response(await project.waiting.run(make), media_type="image/png", headers=NEVER)


# Edits and the model


@router.post("/projects/{project_id}/edits", status_code=204)
def edit(body: EditRequest, project: AnyProject) -> None:
    project.edit(body.edit)


@router.post("/projects/{project_id}/undo", status_code=204)
async def undo(project: AnyProject) -> None:
    await project.waiting.run(project.undo)


@router.post("/projects/{project_id}/redo", status_code=204)
async def redo(project: AnyProject) -> None:
    await project.waiting.run(project.redo)


@router.post("/projects/{project_id}/commit", status_code=202)
def commit(project: AnyProject, body: CommitRequest | None = None) -> dict[str, Any]:
    return project.commit(body.only if body else None).describe()


@router.post("/projects/{project_id}/propagate", status_code=202)
def propagate(body: PropagateRequest, project: AnyProject) -> dict[str, Any]:
    return project.propagate(body).describe()


@router.post("/projects/{project_id}/pause", status_code=204)
def pause(project: AnyProject) -> None:
    project.pause()


@router.post("/projects/{project_id}/resume", status_code=204)
def resume(project: AnyProject) -> None:
    project.resume()


@router.post("/projects/{project_id}/stop", status_code=204)
def stop(project: AnyProject) -> None:
    project.stop()


@router.post("/projects/{project_id}/erase", status_code=204)
async def erase(body: EraseRequest, project: AnyProject) -> None:
    await project.waiting.run(partial(project.erase, body))


@router.post("/projects/{project_id}/release", status_code=204)
async def release(body: ReleaseRequest, project: AnyProject) -> None:
    await project.waiting.run(partial(project.release, body))


@router.post("/projects/{project_id}/copy", status_code=204)
async def copy(body: CopyRequest, project: AnyProject) -> None:
    await project.waiting.run(partial(project.copy, body))


@router.get("/projects/{project_id}/suggestions")
def suggestions(project: AnyProject, count: Annotated[int, Query(ge=1, le=50)] = 1) -> dict[str, list[int]]:
    return {"frames": project.session.suggest(count)}


@router.get("/projects/{project_id}/attention")
async def attention(project: AnyProject, frame: int, x: float, y: float) -> dict[str, dict[int, str]]:
    """Heat pictures (PNG, base64) of the interacted frames for a point of one of them."""
    maps = await project.waiting.run(lambda: project.session.attention(frame, x, y))
    return {"frames": {index: base64.b64encode(heat(values)).decode() for index, values in maps.items()}}


@router.put("/projects/{project_id}/imports/{index}", status_code=204)
async def stage_import(index: int, request: Request, project: AnyProject) -> None:
    """A palette PNG for a frame; it counts when the imports are finished."""
    project.imports.check_frame(index)
    data = await _bounded(request.stream(), LARGEST_MASK)
    await run_in_threadpool(_stage, project, index, data)


@router.delete("/projects/{project_id}/imports", status_code=204)
def drop_imports(project: AnyProject) -> None:
    project.imports.drop()


@router.post("/projects/{project_id}/imports")
async def finish_imports(project: AnyProject) -> dict[str, int]:
    return {"frames": await project.waiting.run(project.finish_imports)}


# Exports


@router.post("/projects/{project_id}/exports", status_code=202)
def export(body: ExportRequest, project: AnyProject) -> dict[str, Any]:
    return project.export(body).describe()


@router.delete("/projects/{project_id}/exports/{number}", status_code=204)
def cancel_export(number: int, project: AnyProject) -> None:
    project.exports.cancel(number)


@router.get("/projects/{project_id}/exports/{number}/file")
def exported(number: int, project: AnyProject) -> FileResponse:
    path = project.exports.file(number)
    if path is None:
        raise NotHere("this export is no longer kept: export again")
    return FileResponse(path, filename=path.name, headers=NEVER)


# The socket


@router.websocket("/projects/{project_id}/live")
async def live(project_id: str, socket: WebSocket) -> None:
    """Everything once, then every change, until the tab goes."""
    await socket.accept()
    try:
        project = await opened(socket.app.state.registry, project_id)
    except IDProError as error:
        await socket.send_json({"type": "gone", "message": str(error)})
        await socket.close(1008)
        return
    subscriber = project.hub.join()
    try:
        await socket.send_json(await run_in_threadpool(project.snapshot))
        project.worker.wake()
        sending = asyncio.create_task(_send(socket, subscriber.next))
        receiving = asyncio.create_task(_echo(socket, subscriber))
        done, pending = await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*done, *pending, return_exceptions=True)
    finally:
        project.hub.leave(subscriber)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # the tab may be gone already
            await socket.close()


async def _send(socket: WebSocket, next_message: Any) -> None:
    while (message := await next_message()) is not None:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_text(message)


async def _echo(socket: WebSocket, subscriber: Subscriber) -> None:
    """Give back the numbers a tab says: then it knows that it has every event of before. This ends when the tab goes."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            said = await socket.receive_text()
            if said.isdecimal() and len(said) < 16:
                subscriber.offer(json.dumps({"type": "echo", "number": int(said)}))


def _stage(project: Project, index: int, data: bytes) -> None:
    with tempfile.TemporaryDirectory(prefix="idpro-") as folder:
        path = Path(folder) / f"{index:05d}.png"
        try:
            path.write_bytes(data)
        except OSError as error:
            raise cannot_write(path, error) from error
        try:
            mask = read_mask(path, project.video.size)
        except MaskError as error:
            raise MaskError(str(error).replace(str(path), "this file")) from error
    project.imports.stage(index, mask)


async def _bounded(chunks: AsyncIterator[bytes], most: int) -> bytes:
    data = bytearray()
    async for chunk in chunks:
        data += chunk
        if len(data) > most:
            raise TooLarge(f"a mask file is larger than {most >> 20} MiB: it is no mask of a frame")
    return bytes(data)
