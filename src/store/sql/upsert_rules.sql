insert into data_quality.quality_rules (
    rule_id, project, unique_id, name, node_unique_id, node_name, column_name, kind, severity,
    owner, context, engine, description
)
select
    rule_id, project, unique_id, name, node_unique_id, node_name, column_name, kind, severity,
    owner, context, engine, description
from jsonb_to_recordset($1::text::jsonb) as rule (
    rule_id uuid, project text, unique_id text, name text, node_unique_id text, node_name text,
    column_name text, kind text, severity text, owner text, context text, engine text,
    description text
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
    active = true,
    updated_at = now()
where (
    quality_rules.name, quality_rules.node_unique_id, quality_rules.node_name,
    quality_rules.column_name, quality_rules.kind, quality_rules.severity, quality_rules.owner,
    quality_rules.context, quality_rules.engine, quality_rules.description, quality_rules.active
) is distinct from (
    excluded.name, excluded.node_unique_id, excluded.node_name, excluded.column_name,
    excluded.kind, excluded.severity, excluded.owner, excluded.context, excluded.engine,
    excluded.description, true
)
