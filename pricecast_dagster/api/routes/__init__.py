"""Routes: one module a topic; each has a `build(services) -> APIRouter`."""
