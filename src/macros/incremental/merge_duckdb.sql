{# MERGE as dbt-duckdb offers it. Beside the options common to both engines: merge_update_condition,
   merge_insert_condition, merge_update_set_expressions, merge_on_using_columns,
   merge_returning_columns, and merge_clauses, which spells out every WHEN. #}

{% macro duckdb__get_incremental_merge_sql(args_dict) -%}
    {% do return(get_merge_sql(
        args_dict['target_relation'], args_dict['temp_relation'], args_dict['unique_key'],
        args_dict['dest_columns'], args_dict.get('incremental_predicates')
    )) %}
{%- endmacro %}

{% macro duckdb__get_merge_sql(target, source, unique_key, dest_columns, incremental_predicates=none) -%}
    {%- do validate_merge_config(config, target) -%}
    {%- set defaults = merge_clause_defaults(
        config.get('merge_update_condition'),
        config.get('merge_insert_condition'),
        config.get('merge_update_columns') or [],
        config.get('merge_exclude_columns') or [],
        config.get('merge_update_set_expressions') or {}
    ) -%}
    {%- set chosen = config.get('merge_clauses') or {} -%}
    {%- set explicit = config.get('merge_update_columns') or config.get('merge_exclude_columns') or config.get('merge_update_set_expressions') -%}
    {%- set matched = chosen.get('when_matched') or [defaults.when_matched_update_explicit if explicit else defaults.when_matched_update_by_name] -%}
    {%- set not_matched = chosen.get('when_not_matched') or [defaults.when_not_matched_insert_by_name] -%}
    {%- set returning = config.get('merge_returning_columns') -%}
    {{ config.get('sql_header') or '' }}
    merge into {{ target }} as DBT_INTERNAL_DEST
    using {{ source }} as DBT_INTERNAL_SOURCE
    {{ duckdb__merge_join_clause(unique_key, config.get('merge_on_using_columns'), incremental_predicates) }}
    {%- for clause in matched %}
    when matched{{ duckdb__merge_condition(clause) }} then {{ duckdb__merge_matched_action(clause, dest_columns) }}
    {%- endfor %}
    {%- for clause in not_matched %}
    when not matched{{ (' by ' ~ clause.get('by')) if clause.get('by') else '' }}{{ duckdb__merge_condition(clause) }} then {{ duckdb__merge_not_matched_action(clause) }}
    {%- endfor %}
    {%- if returning %}
    returning {{ returning if returning is string else returning | join(', ') }}
    {%- endif %}
{%- endmacro %}

{% macro duckdb__merge_join_clause(unique_key, merge_on_using_columns, incremental_predicates) -%}
    {%- set predicates = normalize_incremental_predicates(incremental_predicates) -%}
    {%- if merge_on_using_columns -%}
    using ({{ merge_on_using_columns | join(', ') }})
        {%- if predicates %} on ({{ predicates | join(') and (') }}){% endif -%}
    {%- else -%}
    on ({{ (get_merge_key_conditions(unique_key) + predicates) | join(') and (') }})
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__merge_condition(clause) -%}
    {%- set condition = clause.get('condition') -%}
    {%- if condition is string and condition %} and {{ condition }}
    {%- elif condition %} and ({{ condition | join(') and (') }})
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__merge_error(clause) -%}
    error{{ (" '" ~ (clause.get('error_message') | replace("'", "''")) ~ "'") if clause.get('error_message') else '' }}
{%- endmacro %}

{% macro duckdb__merge_matched_action(clause, dest_columns) -%}
    {%- set action = clause.get('action') -%}
    {%- set mode = clause.get('mode') -%}
    {%- if action == 'delete' -%} delete
    {%- elif action == 'do_nothing' -%} do nothing
    {%- elif action == 'error' -%} {{ duckdb__merge_error(clause) }}
    {%- elif mode == 'by_name' -%} update by name
    {%- elif mode == 'by_position' -%} update by position
    {%- elif mode == 'star' -%} update set *
    {%- elif mode == 'explicit' -%}
        {%- set update = clause.get('update') or {} -%}
        {%- set expressions = update.get('set_expressions') or {} -%}
        {%- set parts = [] -%}
        {%- for column, expression in expressions.items() -%}
            {%- do parts.append(column ~ ' = ' ~ expression) -%}
        {%- endfor -%}
        {%- for column in get_merge_update_columns(update.get('include') or [], update.get('exclude') or [], dest_columns) -%}
            {%- if column | replace('"', '') not in expressions -%}
                {%- do parts.append(column ~ ' = DBT_INTERNAL_SOURCE.' ~ column) -%}
            {%- endif -%}
        {%- endfor -%}
        update set {{ parts | join(', ') }}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__merge_not_matched_action(clause) -%}
    {%- set action = clause.get('action') -%}
    {%- set mode = clause.get('mode') -%}
    {%- if action == 'delete' -%} delete
    {%- elif action == 'do_nothing' -%} do nothing
    {%- elif action == 'error' -%} {{ duckdb__merge_error(clause) }}
    {%- elif action == 'update' -%}
        {%- set parts = [] -%}
        {%- for column, expression in (clause.get('set_expressions') or {}).items() -%}
            {%- do parts.append(column ~ ' = ' ~ expression) -%}
        {%- endfor -%}
        update set {{ parts | join(', ') }}
    {%- elif mode == 'by_name' -%} insert by name
    {%- elif mode == 'by_position' -%} insert by position
    {%- elif mode == 'star' -%} insert *
    {%- elif mode == 'explicit' -%}
        {%- set insert = clause.get('insert') or {} -%}
        insert ({{ (insert.get('columns') or []) | join(', ') }}) values ({{ (insert.get('values') or []) | join(', ') }})
    {%- endif -%}
{%- endmacro %}

{% macro merge_clause_defaults(merge_update_condition, merge_insert_condition, merge_update_columns=[], merge_exclude_columns=[], merge_update_set_expressions={}) -%}
    {% do return({
        'when_matched_update_by_name': {'action': 'update', 'condition': merge_update_condition, 'mode': 'by_name'},
        'when_matched_update_explicit': {
            'action': 'update', 'condition': merge_update_condition, 'mode': 'explicit',
            'update': {
                'include': merge_update_columns,
                'exclude': merge_exclude_columns,
                'set_expressions': merge_update_set_expressions
            }
        },
        'when_not_matched_insert_by_name': {'action': 'insert', 'condition': merge_insert_condition, 'mode': 'by_name'}
    }) %}
{%- endmacro %}
