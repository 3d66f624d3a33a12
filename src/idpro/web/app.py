"""``create_app(registry)``: the wiring, and the one table from errors to status codes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.staticfiles import StaticFiles

from .. import errors
from .bounds import Bounds
from .guard import Guard
from .project import NotReady
from .registry import Registry
from .routes import router
from .uploads import NotHere, TooLarge
from .waiting import Busy

STATIC = Path(__file__).parent / "static"
STATUS: tuple[tuple[type[errors.IDProError], int], ...] = (  # the first that fits
    (NotHere, 404),
    (TooLarge, 413),
    (NotReady, 503),
    (Busy, 503),
    (errors.MissingExtra, 501),
    (errors.WorkspaceError, 409),
    (errors.OutputError, 507),
    (errors.InputError, 422),
    (errors.IDProError, 500),
)


class _Page(StaticFiles):
    """The page's files, always asked for again: a new version of IDPro is a new page."""

    def file_response(self, *args: object, **kwargs: object) -> object:  # type: ignore[override]
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "no-cache"
        return response


def create_app(registry: Registry, token: str | None = None) -> FastAPI:
    """The server.

    Args:
        registry: the projects; closed when the server stops.
        token: asked of everybody if given (guard.py).
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        registry.close()

    app = FastAPI(title="IDPro", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.registry = registry
    app.include_router(router)
    app.mount("/static", _Page(directory=STATIC), name="static")
    app.add_middleware(Bounds)
    app.add_middleware(Guard, token=token)  # the last one added is asked first

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(STATIC / "index.html", headers={"cache-control": "no-cache"})

    @app.exception_handler(errors.IDProError)
    def refused(request: Request, error: errors.IDProError) -> JSONResponse:
        return JSONResponse({"message": str(error)}, next(status for kind, status in STATUS if isinstance(error, kind)))

    @app.exception_handler(RequestValidationError)
    def misread(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or "the request"
        return JSONResponse({"message": f"{where}: {first['msg']}"}, 422)

    @app.exception_handler(ClientDisconnect)
    def broken_off(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody hears it

    @app.exception_handler(Exception)
    def stumbled(request: Request, error: Exception) -> JSONResponse:
        message = f"something went wrong inside IDPro ({type(error).__name__}); the server's log has the details"
        return JSONResponse({"message": message}, 500)

    @app.exception_handler(HTTPException)
    def missing(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"message": f"{request.url.path}: {error.detail}"}, error.status_code)

    return app
