"""Jobs of the schema doctor for the launchpad: validate, reload the cache, test the connection, import and export."""

from pathlib import Path

import dagster as dg
from pydantic import Field

from sync_pipelines.lib.failures import PermanentError
from sync_pipelines.lib.orchestration.partition_runs import failing_in_a_sentence
from sync_pipelines.scouter.defs.schema_assets import schema_metadata
from sync_pipelines.scouter.mapping import preset_file
from sync_pipelines.scouter.mapping.presets import Presets
from sync_pipelines.scouter.push.pipeline import LeadPush


@dg.op(description="Compare both schemas now, and show the SQL that would put things right.")
def validate_schema(context: dg.OpExecutionContext, push: dg.ResourceParam[LeadPush]) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        report = push.examine(connection, fresh=True)
        context.add_output_metadata(schema_metadata(report))
        if not report.fits:
            raise PermanentError(report.refusal())


@dg.op(description="Have PostgREST reload its schema cache, and wait until writes see every mapped column.")
def reload_cache(context: dg.OpExecutionContext, push: dg.ResourceParam[LeadPush]) -> None:
    with failing_in_a_sentence(context):
        done = push.reload_cache()
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
    """A file with mappings, and which of them."""

    path: str = Field(description="The file: exported here, or a bare {destination: source} object.")
    name: str = Field(default="", description="Which preset of the file; the name of a bare mapping.")


class ExportConfig(dg.Config):
    """The file that mappings are written to."""

    path: str = Field(description="The file to write; it must not be there.")


@dg.op(
    description="Save mappings of a file as presets; names that one of the sides does not have are rejected."
)
def import_mappings(
    context: dg.OpExecutionContext, config: ImportConfig, push: dg.ResourceParam[LeadPush]
) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        found = preset_file.read_file(Path(config.path), config.name)
        # One report per preset: without an OpenAPI document, a report knows only the columns of its own mapping.
        reports = [push.doctor().examine(preset.mapping, fresh=True) for preset in found]
        saved = Presets(connection).save(
            found,
            list(reports[0].source_types),
            {name for one in reports for name in one.destination_columns},
        )
    context.log.info(f"Saved: {', '.join(saved)}.")


@dg.op(description="Write all presets to a file.")
def export_mappings(
    context: dg.OpExecutionContext, config: ExportConfig, push: dg.ResourceParam[LeadPush]
) -> None:
    with failing_in_a_sentence(context), push.source() as connection:
        preset_file.write_file(Path(config.path), Presets(connection).all())
    context.log.info(f"Written to {config.path}.")


_OPS = {
    "scouter_validate_schema": validate_schema,
    "scouter_reload_schema_cache": reload_cache,
    "scouter_test_connection": check_connection,
    "scouter_import_mapping": import_mappings,
    "scouter_export_mapping": export_mappings,
}


def schema_jobs() -> list[dg.JobDefinition]:
    """One job per op."""
    return [_job(name, op) for name, op in _OPS.items()]


def _job(name: str, op: dg.OpDefinition) -> dg.JobDefinition:
    @dg.job(name=name, description=op.description)
    def job() -> None:
        op()

    return job
