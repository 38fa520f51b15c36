"""The doctor's work in the launchpad: validate, reload the schema cache, test the connection, exchange mappings."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.fields import presets
from sync_pipelines.scouter.pushing import LeadPush
from sync_pipelines.scouter.schema.assets import schema_metadata


@dg.op(description="Compare both schemas now, and show the SQL that would put things right.")
def validate_schema(context: dg.OpExecutionContext, push: dg.ResourceParam[LeadPush]) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        report = push.examine(connection, fresh=True)
        context.add_output_metadata(schema_metadata(report))
        if not report.fits:
            raise PermanentError(report.refusal())


@dg.op(description="Have PostgREST reload its schema cache, and wait until writes see every mapped column.")
def reload_cache(context: dg.OpExecutionContext, push: dg.ResourceParam[LeadPush]) -> None:
    with failing_in_a_sentence(context), push.source() as connection, push.client(push.settings) as client:
        doctor = push.doctor()
        doctor.forget()
        columns = push.examine(connection).mapping.columns
        done = push.reload(client, columns)
        doctor.forget()
    context.log.info(f"Writes see every mapped column: {done}.")


@dg.op(description="Test credentials, connection, access and structure, as the old screen does, and more.")
def check_connection(context: dg.OpExecutionContext, push: dg.ResourceParam[LeadPush]) -> None:
    with failing_in_a_sentence(context):
        report = push.connection_test().run()
        document = report.document()
        context.add_output_metadata({"report": dg.MetadataValue.json(document)})
        for warning in document["warnings"]:
            context.log.warning(warning)
        if not report.valid:
            raise PermanentError(" ".join(report.errors) or "Nada está configurado.")


class ImportConfig(dg.Config):
    """A file with mappings."""

    path: str = Field(description="The file: exported here, or a bare {destination: source} object.")
    name: str = Field(default="", description="Which preset of the file; the name of a bare mapping.")


class ExportConfig(dg.Config):
    """Where mappings go."""

    path: str = Field(description="The file to write; it must not be there.")


@dg.op(
    description="Save mappings of a file as presets; names that one of the sides does not have are refused."
)
def import_mappings(
    context: dg.OpExecutionContext, config: ImportConfig, push: dg.ResourceParam[LeadPush]
) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        try:
            text = Path(config.path).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise PermanentError(f"{config.path} cannot be read: {type(error).__name__}.") from None
        found = presets.read_text(text, config.name)
        report = push.doctor().examine(fresh=True)
        saved = presets.Presets(connection).save(
            found, list(report.source_types), list(report.destination_columns)
        )
    context.log.info(f"Saved: {', '.join(saved)}.")


@dg.op(description="Write all presets to a file.")
def export_mappings(
    context: dg.OpExecutionContext, config: ExportConfig, push: dg.ResourceParam[LeadPush]
) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        text = presets.export_text(presets.Presets(connection).all())
        try:
            with Path(config.path).open("x", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise PermanentError(f"{config.path} cannot be written: {error.strerror}.") from None
    context.log.info(f"Written to {config.path}.")


_OPS = {
    "scouter_validate_schema": validate_schema,
    "scouter_reload_schema_cache": reload_cache,
    "scouter_test_connection": check_connection,
    "scouter_import_mapping": import_mappings,
    "scouter_export_mapping": export_mappings,
}


def schema_jobs() -> list[dg.JobDefinition]:
    """A job an op."""
    return [_job(name, op) for name, op in _OPS.items()]


def _job(name: str, op: dg.OpDefinition) -> dg.JobDefinition:
    @dg.job(name=name, description=op.description)
    def job() -> None:
        op()

    return job
