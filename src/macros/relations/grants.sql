{# grants: the config {privilege: [grantees]} made true in the database. DuckDB has no grants. #}

{% macro apply_grants(relation, grant_config, should_revoke) -%}
    {% do return(adapter.dispatch('apply_grants', 'dbt')(relation, grant_config, should_revoke)) %}
{%- endmacro %}

{% macro default__apply_grants(relation, grant_config, should_revoke=True) -%}
    {%- if grant_config -%}
        {%- set present = current_grants(relation) if should_revoke else {} -%}
        {%- set to_revoke = grants_without(present, grant_config) -%}
        {%- set to_grant = grants_without(grant_config, present) -%}
        {%- set statements = get_dcl_statement_list(relation, to_revoke, get_revoke_sql) + get_dcl_statement_list(relation, to_grant, get_grant_sql) -%}
        {%- if statements -%}
            {% do call_dcl_statements(statements) %}
        {%- else -%}
            {% do log('On ' ~ relation.render() ~ ': All grants are in place, no revocation or granting needed.') %}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{% macro duckdb__apply_grants(relation, grant_config, should_revoke=True) -%}
    {%- if grant_config -%}
        {% do exceptions.warn('Grants for relations are not supported by DuckDB') %}
    {%- endif -%}
{%- endmacro %}

{# Whether a relation may still carry grants of an earlier run. #}
{% macro should_revoke(existing_relation, full_refresh_mode=True) -%}
    {%- if not existing_relation -%}
        {% do return(false) %}
    {%- elif full_refresh_mode -%}
        {% do return(copy_grants()) %}
    {%- else -%}
        {% do return(true) %}
    {%- endif -%}
{%- endmacro %}

{# Whether a relation that replaces another inherits its grants. #}
{% macro copy_grants() -%}
    {% do return(adapter.dispatch('copy_grants', 'dbt')()) %}
{%- endmacro %}

{% macro default__copy_grants() -%}
    {% do return(true) %}
{%- endmacro %}

{# A table built beside the old one and swapped in starts without any. #}
{% macro postgres__copy_grants() -%}
    {% do return(false) %}
{%- endmacro %}

{% macro support_multiple_grantees_per_dcl_statement() -%}
    {% do return(adapter.dispatch('support_multiple_grantees_per_dcl_statement', 'dbt')()) %}
{%- endmacro %}

{% macro default__support_multiple_grantees_per_dcl_statement() -%}
    {% do return(true) %}
{%- endmacro %}

{% macro get_show_grant_sql(relation) -%}
    {% do return(adapter.dispatch('get_show_grant_sql', 'dbt')(relation)) %}
{%- endmacro %}

{% macro default__get_show_grant_sql(relation) -%}
    show grants on {{ relation }}
{%- endmacro %}

{% macro postgres__get_show_grant_sql(relation) -%}
    select grantee, privilege_type
    from information_schema.role_table_grants
    where table_schema = '{{ relation.schema }}'
      and table_name = '{{ relation.identifier }}'
      and grantor = current_role
      and grantee <> current_role
{%- endmacro %}

{% macro get_grant_sql(relation, privilege, grantees) -%}
    {% do return(adapter.dispatch('get_grant_sql', 'dbt')(relation, privilege, grantees)) %}
{%- endmacro %}

{# Grantees stand as the user wrote them, so that PUBLIC and CURRENT_USER work. #}
{% macro default__get_grant_sql(relation, privilege, grantees) -%}
    grant {{ privilege }} on {{ relation }} to {{ grantees | join(', ') }}
{%- endmacro %}

{% macro get_revoke_sql(relation, privilege, grantees) -%}
    {% do return(adapter.dispatch('get_revoke_sql', 'dbt')(relation, privilege, grantees)) %}
{%- endmacro %}

{# These names come from the database; PUBLIC is a word of SQL there, not a role. #}
{% macro default__get_revoke_sql(relation, privilege, grantees) -%}
    {%- set names = [] -%}
    {%- for grantee in grantees -%}
        {%- do names.append('public' if grantee | lower == 'public' else adapter.quote(grantee)) -%}
    {%- endfor -%}
    revoke {{ privilege }} on {{ relation }} from {{ names | join(', ') }}
{%- endmacro %}

{# One statement for each privilege, or for each grantee of each where the database wants that. #}
{% macro get_dcl_statement_list(relation, grant_config, get_dcl_macro) -%}
    {% do return(adapter.dispatch('get_dcl_statement_list', 'dbt')(relation, grant_config, get_dcl_macro)) %}
{%- endmacro %}

{% macro default__get_dcl_statement_list(relation, grant_config, get_dcl_macro) -%}
    {%- set statements = [] -%}
    {%- for privilege, grantees in grant_config.items() -%}
        {%- if not grantees -%}
        {%- elif support_multiple_grantees_per_dcl_statement() -%}
            {%- do statements.append(get_dcl_macro(relation, privilege, grantees)) -%}
        {%- else -%}
            {%- for grantee in grantees -%}
                {%- do statements.append(get_dcl_macro(relation, privilege, [grantee])) -%}
            {%- endfor -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(statements) %}
{%- endmacro %}

{% macro call_dcl_statements(dcl_statement_list) -%}
    {% do return(adapter.dispatch('call_dcl_statements', 'dbt')(dcl_statement_list)) %}
{%- endmacro %}

{% macro default__call_dcl_statements(dcl_statement_list) -%}
    {% call statement('grants') -%}
        {{ dcl_statement_list | join(';\n') }};
    {%- endcall %}
{%- endmacro %}

{# What the database says now, in the shape of the config. #}
{% macro current_grants(relation) -%}
    {%- set grants = {} -%}
    {%- for row in run_query(get_show_grant_sql(relation)).rows -%}
        {%- do grants.update({row[1]: (grants.get(row[1]) or []) + [row[0]]}) -%}
    {%- endfor -%}
    {% do return(grants) %}
{%- endmacro %}

{# The grants of the first dict that the second lacks; case does not matter. #}
{% macro grants_without(grants, others) -%}
    {%- set known = [] -%}
    {%- for privilege, grantees in others.items() -%}
        {%- for grantee in grantees or [] -%}
            {%- do known.append((privilege | lower) ~ ' ' ~ (grantee | lower)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set rest = {} -%}
    {%- for privilege, grantees in grants.items() -%}
        {%- set kept = [] -%}
        {%- for grantee in grantees or [] -%}
            {%- if (privilege | lower) ~ ' ' ~ (grantee | lower) not in known -%}
                {%- do kept.append(grantee) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if kept -%}
            {%- do rest.update({privilege: kept}) -%}
        {%- endif -%}
    {%- endfor -%}
    {% do return(rest) %}
{%- endmacro %}
