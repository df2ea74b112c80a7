insert into data_quality.quality_rules (
    rule_id, project, unique_id, name, node_unique_id, node_name, column_name, kind, severity,
    owner, context, engine, description, digest
)
select
    rule_id, project, unique_id, name, node_unique_id, node_name, column_name, kind, severity,
    owner, context, engine, description, digest
from jsonb_to_recordset($1::text::jsonb) as rule (
    rule_id uuid, project text, unique_id text, name text, node_unique_id text, node_name text,
    column_name text, kind text, severity text, owner text, context text, engine text,
    description text, digest uuid
)
on conflict (project, unique_id) do update
set
    name = excluded.name,
    node_unique_id = excluded.node_unique_id,
    node_name = excluded.node_name,
    column_name = excluded.column_name,
    kind = excluded.kind,
    severity = excluded.severity,
    owner = excluded.owner,
    context = excluded.context,
    engine = excluded.engine,
    description = excluded.description,
    digest = excluded.digest,
    active = true,
    updated_at = now()
where (quality_rules.digest, quality_rules.active) is distinct from (excluded.digest, true)
