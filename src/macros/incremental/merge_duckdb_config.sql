{# Checks the merge_* options of a model on DuckDB and reports all that is wrong with them at once. #}

{% macro validate_merge_config(config, target_relation=none) -%}
    {%- set kinds = {
        'merge_update_condition': 'string',
        'merge_insert_condition': 'string',
        'merge_on_using_columns': 'list',
        'merge_update_columns': 'list',
        'merge_exclude_columns': 'list',
        'merge_returning_columns': 'list',
        'merge_update_set_expressions': 'dict'
    } -%}
    {%- set errors = [] -%}
    {%- for name, kind in kinds.items() -%}
        {%- if kind == 'string' -%}
            {%- do validate_string_field(config.get(name), name, errors) -%}
        {%- elif kind == 'list' -%}
            {%- do validate_string_list_field(config.get(name), name, errors) -%}
        {%- else -%}
            {%- do validate_dict_field(config.get(name), name, errors) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- do validate_ducklake_restrictions(config, target_relation, errors) -%}
    {%- do validate_merge_clauses(config, kinds, errors) -%}
    {%- if errors -%}
        {% do exceptions.raise_compiler_error('MERGE configuration errors:\n' ~ (errors | join('\n'))) %}
    {%- endif -%}
{%- endmacro %}

{# A DuckLake takes one update or delete in a MERGE. #}
{% macro validate_ducklake_restrictions(config, target_relation, errors) -%}
    {%- set all = config.get('merge_clauses') -%}
    {%- set clauses = (all.get('when_matched') or []) if all is mapping else [] -%}
    {%- set changing = [] -%}
    {%- for clause in clauses if clause is mapping and clause.get('action') in ['update', 'delete'] -%}
        {%- do changing.append(clause) -%}
    {%- endfor -%}
    {%- if changing | length > 1 and target_relation and adapter.is_ducklake(target_relation) -%}
        {%- do errors.append('DuckLake MERGE restrictions: one UPDATE or DELETE action is all that when_matched may have. Found ' ~ (changing | length) ~ ' UPDATE/DELETE actions.') -%}
    {%- endif -%}
{%- endmacro %}

{% macro validate_merge_clauses(config, base_configuration_fields, errors) -%}
    {%- set clauses = config.get('merge_clauses') -%}
    {%- if clauses is none -%}
    {%- elif clauses is not mapping -%}
        {%- do errors.append('merge_clauses must be a dictionary, found: ' ~ clauses) -%}
    {%- else -%}
        {%- if 'when_matched' not in clauses and 'when_not_matched' not in clauses -%}
            {%- do errors.append("merge_clauses must contain at least one of 'when_matched' or 'when_not_matched' keys") -%}
        {%- endif -%}
        {%- for type in ['when_matched', 'when_not_matched'] -%}
            {%- if type in clauses -%}
                {%- do validate_merge_clause_list(clauses, type, errors) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set ignored = [] -%}
        {%- for name in base_configuration_fields -%}
            {%- if name not in ['merge_on_using_columns', 'merge_returning_columns'] and config.get(name) -%}
                {%- do ignored.append(name) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if ignored -%}
            {%- do errors.append('When merge_clauses is specified, the following basic merge configurations will be ignored and should be removed: ' ~ (ignored | join(', ')) ~ '. Define your merge behavior within merge_clauses instead.') -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro validate_merge_clause_list(merge_clauses, clause_type, errors) -%}
    {%- set clauses = merge_clauses.get(clause_type) -%}
    {%- if clauses is not sequence or clauses is mapping or clauses is string -%}
        {%- do errors.append('merge_clauses.' ~ clause_type ~ ' must be a list') -%}
    {%- elif clauses | length == 0 -%}
        {%- do errors.append('merge_clauses.' ~ clause_type ~ ' must contain at least one element') -%}
    {%- else -%}
        {%- for clause in clauses -%}
            {%- if clause is not mapping -%}
                {%- do errors.append('merge_clauses.' ~ clause_type ~ ' elements must be dictionaries, found: ' ~ clause) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro validate_string_field(field_value, field_name, errors) -%}
    {%- if field_value is not none and field_value is not string -%}
        {%- do errors.append(field_name ~ ' must be a string, found: ' ~ field_value) -%}
    {%- endif -%}
{%- endmacro %}

{% macro validate_string_list_field(field_value, field_name, errors) -%}
    {%- if field_value is none -%}
    {%- elif field_value is not sequence or field_value is mapping or field_value is string -%}
        {%- do errors.append(field_name ~ ' must be a list') -%}
    {%- else -%}
        {%- for item in field_value -%}
            {%- if item is not string -%}
                {%- do errors.append(field_name ~ ' must contain only string values, found: ' ~ item) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{% macro validate_dict_field(field_value, field_name, errors) -%}
    {%- if field_value is not none and field_value is not mapping -%}
        {%- do errors.append(field_name ~ ' must be a dictionary, found: ' ~ field_value) -%}
    {%- endif -%}
{%- endmacro %}
