{# A data test as a block, for materializations of a project or package that end in it under dbt's name;
   Pintail itself runs tests by code. The statement `main` gives failures, should_warn and should_error. #}

{% materialization test, default %}
    {%- set state = namespace(rows=get_limit_subquery_sql(sql, config.get('limit')), relations=[]) -%}
    {%- if should_store_failures() -%}
        {%- set kept_as = config.get('store_failures_as') or 'table' -%}
        {%- if kept_as not in ['table', 'view'] -%}
            {% do exceptions.raise_compiler_error("'" ~ kept_as ~ "' is not a valid value for `store_failures_as`. Accepted values are: ['ephemeral', 'table', 'view']") %}
        {%- endif -%}
        {%- set kept = api.Relation.create(database=database, schema=schema, identifier=model['alias'], type=kept_as) -%}
        {%- do drop_relation_if_exists(load_cached_relation(kept)) -%}
        {% call statement(auto_begin=True) -%}
            {{ get_create_sql(kept, state.rows) }}
        {%- endcall %}
        {%- do adapter.commit() -%}
        {%- do state.relations.append(kept) -%}
        {%- set state.rows = 'select * from ' ~ kept -%}
    {%- endif -%}
    {% call statement('main', fetch_result=True) -%}
        {{ get_test_sql(state.rows, config.get('fail_calc', 'count(*)'), config.get('warn_if', '!= 0'), config.get('error_if', '!= 0'), limit=none) }}
    {%- endcall %}
    {% do return({'relations': state.relations}) %}
{% endmaterialization %}

{# A unit test as a block, likewise. The statement `main` gives the actual and the expected rows. #}
{% materialization unit, default %}
    {%- set expected_rows = config.get('expected_rows') or [] -%}
    {%- set temp_relation = make_temp_relation(this.incorporate(type='table')) -%}
    {%- do run_query(get_create_table_as_sql(True, temp_relation, get_empty_subquery_sql(sql))) -%}
    {%- set types = {} -%}
    {%- set quoted = {} -%}
    {%- for column in adapter.get_columns_in_relation(temp_relation) -%}
        {%- do types.update({column.name | lower: column.data_type}) -%}
        {%- do quoted.update({column.name | lower: column.quoted}) -%}
    {%- endfor -%}
    {%- set names = [] -%}
    {%- for name in (expected_rows[0] if expected_rows else quoted) -%}
        {%- do names.append(quoted.get(name | lower)) -%}
    {%- endfor -%}
    {%- set expected_sql = config.get('expected_sql') or get_expected_sql(expected_rows, types, quoted) -%}
    {%- set both = get_unit_test_sql(sql, expected_sql, names) -%}
    {% call statement('main', fetch_result=True) -%}
        {{ both }}
    {%- endcall %}
    {%- do adapter.drop_relation(temp_relation) -%}
    {% do return({'relations': []}) %}
{% endmaterialization %}
