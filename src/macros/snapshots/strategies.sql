{# How a snapshot sees that a row changed. A strategy gives a dict: unique_key, updated_at,
   row_changed, scd_id (SQL expressions over the relations named in its arguments), hard_deletes
   and invalidate_hard_deletes. A project adds its own as snapshot_<name>_strategy. #}

{# The macro of a strategy, by its name or by `package.name`. #}
{% macro strategy_dispatch(name) -%}
    {%- set parts = name.split('.', 1) -%}
    {%- set macro_name = 'snapshot_' ~ parts[-1] ~ '_strategy' -%}
    {%- if parts | length == 2 and parts[0] not in context -%}
        {% do exceptions.raise_compiler_error("Could not find package '" ~ parts[0] ~ "', called with '" ~ name ~ "'") %}
    {%- endif -%}
    {%- set scope = context[parts[0]] if parts | length == 2 else context -%}
    {%- if macro_name not in scope -%}
        {% do exceptions.raise_compiler_error("The specified strategy macro '" ~ parts[-1] ~ "' was not found in package '" ~ (parts[0] if parts | length == 2 else none) ~ "'") %}
    {%- endif -%}
    {% do return(scope[macro_name]) %}
{%- endmacro %}

{% macro snapshot_timestamp_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
    {%- set columns = snapshot_columns() -%}
    {%- set updated_at = config.get('updated_at') -%}
    {#- Compared with dbt's own column: the user's may be missing in rows of an earlier strategy. -#}
    {%- set row_changed = '(' ~ snapshotted_rel ~ '.' ~ columns.dbt_valid_from ~ ' < ' ~ current_rel ~ '.' ~ updated_at ~ ')' -%}
    {% do return(snapshot_strategy(config.get('unique_key'), updated_at, row_changed)) %}
{%- endmacro %}

{% macro snapshot_check_strategy(node, snapshotted_rel, current_rel, model_config, target_exists) -%}
    {%- set found = snapshot_check_all_get_existing_columns(node, target_exists, config.get('check_cols')) -%}
    {%- set conditions = [] -%}
    {%- if found[0] -%}
        {%- do conditions.append(get_true_sql()) -%}
    {%- else -%}
        {%- for column in found[1] -%}
            {%- do conditions.append(snapshotted_rel ~ '.' ~ column ~ ' is distinct from ' ~ current_rel ~ '.' ~ column) -%}
        {%- endfor -%}
    {%- endif -%}
    {% do return(snapshot_strategy(
        config.get('unique_key'),
        config.get('updated_at') or snapshot_get_time(),
        '(' ~ ((conditions | join(' or ')) or 'false') ~ ')'
    )) %}
{%- endmacro %}

{% macro snapshot_strategy(unique_key, updated_at, row_changed) -%}
    {%- set hard_deletes = snapshot_hard_deletes() -%}
    {%- set identity = [unique_key] if unique_key is string else unique_key | list -%}
    {% do return({
        'unique_key': unique_key,
        'updated_at': updated_at,
        'row_changed': row_changed,
        'scd_id': snapshot_hash_arguments(identity + [updated_at]),
        'hard_deletes': hard_deletes,
        'invalidate_hard_deletes': hard_deletes == 'invalidate'
    }) %}
{%- endmacro %}

{# ignore, invalidate or new_record; invalidate_hard_deletes is the old spelling of the second. #}
{% macro snapshot_hard_deletes(configuration=none) -%}
    {%- set own = config if configuration is none else configuration -%}
    {%- set hard_deletes = own.get('hard_deletes') -%}
    {%- set invalidate = own.get('invalidate_hard_deletes') -%}
    {%- if hard_deletes and invalidate is not none -%}
        {% do exceptions.raise_compiler_error("You cannot set both the invalidate_hard_deletes and hard_deletes config properties on the same snapshot.") %}
    {%- elif hard_deletes and hard_deletes not in ['ignore', 'invalidate', 'new_record'] -%}
        {% do exceptions.raise_compiler_error("Invalid setting for property hard_deletes: '" ~ hard_deletes ~ "'. Valid settings are 'ignore', 'invalidate' and 'new_record'.") %}
    {%- endif -%}
    {% do return(hard_deletes or ('invalidate' if invalidate else 'ignore')) %}
{%- endmacro %}

{# Whether the query has a column that the snapshot lacks, and the columns, quoted, that both have.
   Without a snapshot yet there is nothing to compare. #}
{% macro snapshot_check_all_get_existing_columns(node, target_exists, check_cols_config) -%}
    {%- if not target_exists -%}
        {% do return([false, []]) %}
    {%- endif -%}
    {%- if check_cols_config == 'all' -%}
        {%- set wanted = get_columns_in_query(node['compiled_code']) -%}
    {%- elif check_cols_config and check_cols_config is not string and check_cols_config is sequence -%}
        {#- The query tells how the database spells the names. -#}
        {%- set wanted = get_columns_in_query('select ' ~ (check_cols_config | join(', ')) ~ ' from (\n' ~ node['compiled_code'] ~ '\n) subq') -%}
    {%- else -%}
        {% do exceptions.raise_compiler_error("Invalid value for 'check_cols': " ~ check_cols_config) %}
    {%- endif -%}
    {%- set target = adapter.get_relation(database=node.database, schema=node.schema, identifier=node.alias) -%}
    {%- set existing = adapter.get_columns_in_relation(target) | map(attribute='name') | list -%}
    {%- set shared = [] -%}
    {%- for name in wanted -%}
        {%- if name in existing -%}
            {%- do shared.append(adapter.quote(name)) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return([shared | length != wanted | length, shared]) %}
{%- endmacro %}

{# One value for a version of a row: a hash over SQL expressions, NULL as empty text. #}
{% macro snapshot_hash_arguments(args) -%}
    {{- adapter.dispatch('snapshot_hash_arguments', 'dbt')(args) -}}
{%- endmacro %}

{% macro default__snapshot_hash_arguments(args) -%}
    md5(
    {%- for arg in args -%}
        coalesce(cast({{ arg }} as varchar), ''){{ " || '|' || " if not loop.last else '' }}
    {%- endfor -%}
    )
{%- endmacro %}
