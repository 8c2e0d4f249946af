"""Every error pricecast raises on purpose.

Belongs here: the hierarchy, and for each error its remedy, HTTP status and exit code. Not here: catching (the edge of a
batch in `stages`, `cli.main` and the API's handlers do that).

    PricecastError
    ├── SettingsError                 a setting is missing or wrong                              exit 2
    ├── SourceError                   the retailer's data cannot be read
    │   ├── SourceUnavailableError    the folder, URL or database is not there                   HTTP 503
    │   ├── UnreadableFileError       a file is there and is not what it should be
    │   └── MissingColumnsError       a file or table lacks columns; names both sides
    ├── DataError                     the data of a SKU cannot be used                           HTTP 422
    │   ├── NoUsableHistoryError      no row of a SKU was taken
    │   ├── SkuTooShortError          fewer days than a model needs
    │   └── InvalidFrameError         a frame breaks its schema
    ├── TrainingError                 a model could not be fitted
    ├── ForecastError                 a forecast is not finite, or outside what is asked for     HTTP 422
    ├── StorageError                  what we keep cannot be read or written
    │   ├── DatabaseUnavailableError                                                             HTTP 503
    │   ├── UnknownSkuError           no such product                                            HTTP 404
    │   ├── UnknownVersionError       no such model, forecast or frame version                   HTTP 404
    │   ├── DamagedArtifactError      bytes do not match their recorded hash
    │   └── SupersededError           somebody else wrote something newer meanwhile              HTTP 409
    ├── ComputeUnavailableError       the cluster does not answer, or computes with other software HTTP 503
    ├── LaunchError                   Dagster could not be asked to do something                 HTTP 503
    └── AlertError                    a receiver of alerts did not take a message
"""

from collections.abc import Iterable


class PricecastError(Exception):
    """What went wrong and where, in `str(error)`; what to do next, in `error.remedy`."""

    http_status = 500
    exit_code = 1
    default_remedy = ""

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = self.default_remedy if remedy is None else remedy

    def __str__(self) -> str:
        message = super().__str__()
        return f"{message} {self.remedy}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders (joblib); the default would pass the message only and lose the remedy.
        return _rebuild, (type(self), self.args, self.remedy)


def _rebuild(kind: type[PricecastError], args: tuple[object, ...], remedy: str) -> PricecastError:
    error = kind.__new__(kind)
    Exception.__init__(error, *args)
    error.remedy = remedy
    return error


class SettingsError(PricecastError):
    """A setting is missing or has a value that cannot be used."""

    exit_code = 2
    default_remedy = "Mend it in the environment or in pricecast.toml; docs/settings.md has every setting."


class SourceError(PricecastError):
    """The retailer's data cannot be read."""

    default_remedy = "Check PRICECAST_SOURCE."


class SourceUnavailableError(SourceError):
    """The folder, URL or database of the source is not there."""

    http_status = 503


class UnreadableFileError(SourceError):
    """A file of the source is there and cannot be read as what it should be."""

    default_remedy = "Mend or remove the file; nothing of it was taken."


class MissingColumnsError(SourceError):
    """A file or table lacks columns that are needed."""

    def __init__(self, where: str, missing: Iterable[str], available: Iterable[str]) -> None:
        super().__init__(
            f"{where} has no column {', '.join(sorted(missing))}; it has {', '.join(map(str, available)) or 'no columns'}.",
            remedy="Name the columns in PRICECAST_COLUMNS.",
        )


class DataError(PricecastError):
    """The data of a SKU cannot be used."""

    http_status = 422


class NoUsableHistoryError(DataError):
    """The source has rows of a SKU, and none of them could be taken."""

    default_remedy = "Look at its rejected rows, correct them in the source; the next refresh takes them up."


class SkuTooShortError(DataError):
    """A SKU has fewer days of history than a model needs; a simple method answers meanwhile."""


class InvalidFrameError(DataError):
    """A frame breaks its schema."""


class TrainingError(PricecastError):
    """A model could not be fitted."""

    default_remedy = "It is not tried again until its data changes or a person asks for it."


class ForecastError(PricecastError):
    """A forecast is not finite, or what was asked for is outside what can be forecast."""

    http_status = 422


class StorageError(PricecastError):
    """What pricecast keeps cannot be read or written."""


class DatabaseUnavailableError(StorageError):
    """The database does not answer, or is damaged."""

    http_status = 503
    default_remedy = "Check PRICECAST_DATABASE_URL and that the server is up."


class UnknownSkuError(StorageError):
    """There is no such product."""

    http_status = 404
    default_remedy = "`pricecast ingest` takes up new products."


class UnknownVersionError(StorageError):
    """There is no such version of a model, forecast or frame."""

    http_status = 404


class DamagedArtifactError(StorageError):
    """Stored bytes do not match the hash that was recorded when they were written."""

    default_remedy = "`pricecast train` makes a model again, `pricecast restore` brings back a backup."


class SupersededError(StorageError):
    """Somebody else wrote something newer while this was being computed; theirs stays."""

    http_status = 409
    default_remedy = "Nothing to do: the newer result is kept."


class ComputeUnavailableError(PricecastError):
    """The cluster that PRICECAST_COMPUTE names does not answer, has no worker, or computes with other versions than we do."""

    http_status = 503
    default_remedy = "Start the scheduler and its workers, or set PRICECAST_COMPUTE to local."


class LaunchError(PricecastError):
    """Dagster could not be asked to start a run."""

    http_status = 503
    default_remedy = "Start Dagster with `pricecast up`, or set PRICECAST_DAGSTER_URL."


class AlertError(PricecastError):
    """A receiver of alerts did not take a message; it is kept, and tried again."""
