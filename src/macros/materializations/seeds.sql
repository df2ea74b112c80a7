{# A seed as a block: for materializations of a project or package that end in it under dbt's name, and
   for projects with macros in place of those that it calls. Pintail itself loads seeds by code. #}

{% materialization seed, default %}
    {%- set old_relation = adapter.get_relation(database=database, schema=schema, identifier=model['alias']) -%}
    {%- set anew = should_full_refresh() -%}
    {%- set stays = old_relation is not none and old_relation.is_table -%}
    {%- set agate_table = load_agate_table() -%}
    {%- do store_result('agate_table', response='OK', agate_table=agate_table) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=False) -%}
    {%- do run_hooks(pre_hooks, inside_transaction=True) -%}

    {%- if old_relation is not none and old_relation.is_view -%}
        {% do exceptions.raise_compiler_error("Cannot seed to '" ~ old_relation.render() ~ "', it is a view") %}
    {%- elif stays -%}
        {%- set create_sql = reset_csv_table(model, anew, old_relation, agate_table) -%}
    {%- else -%}
        {%- set create_sql = create_csv_table(model, agate_table) -%}
    {%- endif -%}
    {%- set rows = agate_table.rows | length -%}
    {%- set insert_sql = load_csv_rows(model, agate_table) if rows > 0 else '' -%}
    {%- set code = 'CREATE' if anew else 'INSERT' -%}
    {% call noop_statement('main', code ~ ' ' ~ rows, code, rows) -%}
        {{ get_csv_sql(create_sql, insert_sql) }};
    {%- endcall %}

    {%- set target_relation = this.incorporate(type='table') -%}
    {%- if anew or not stays -%}
        {%- do create_indexes(target_relation) -%}
    {%- endif -%}
    {% do return(finish_relation(target_relation, should_revoke(old_relation, anew))) %}
{% endmaterialization %}
