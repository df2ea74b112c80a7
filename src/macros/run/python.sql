{# What stands behind the code of a Python model, so that `model(dbt, session)` finds its relations:
   the text of the class `dbtObj`, which whoever runs the model makes with a function that loads one. #}

{% macro resolve_model_name(input_model_name) -%}
    {{ return(adapter.dispatch('resolve_model_name', 'dbt')(input_model_name)) }}
{%- endmacro %}

{% macro default__resolve_model_name(input_model_name) -%}
    {{ return(input_model_name | string) }}
{%- endmacro %}

{% macro build_ref_function(model) -%}
    {%- set relations = {} -%}
    {%- for call in model.refs -%}
        {%- set words = [call.package, call.name] if call.package else [call.name] -%}
        {%- set found = ref(*words, v=call.version) -%}
        {%- set key = words | join('.') ~ ('.v' ~ call.version if call.version else '') -%}
        {%- do relations.update({key: resolve_model_name(found.render() if found.render is defined else found)}) -%}
    {%- endfor -%}
def ref(*names, dbt_load_df_function, v=None, version=None):
    relations = {{ tojson(relations) }}
    wanted = v or version
    key = ".".join(names) + (f".v{wanted}" if wanted else "")
    return dbt_load_df_function(relations[key])
{%- endmacro %}

{% macro build_source_function(model) -%}
    {%- set relations = {} -%}
    {%- for words in model.sources -%}
        {%- do relations.update({words | join('.'): resolve_model_name(source(*words))}) -%}
    {%- endfor -%}
def source(*names, dbt_load_df_function):
    relations = {{ tojson(relations) }}
    return dbt_load_df_function(relations[".".join(names)])
{%- endmacro %}

{% macro build_config_dict(model) -%}
    {%- set values = {} -%}
    {%- for name, default in zip(model.config.config_keys_used or [], model.config.config_keys_defaults or []) -%}
        {%- do values.update({name: 'python' if name == 'language' else model.config.get(name, default)}) -%}
    {%- endfor -%}
    {%- set meta = {} -%}
    {%- for name, default in zip(model.config.meta_keys_used or [], model.config.meta_keys_defaults or []) -%}
        {%- do meta.update({name: (model.config.meta or {}).get(name, default)}) -%}
    {%- endfor -%}
config_dict = {{ values }}
meta_dict = {{ meta }}
{%- endmacro %}

{% macro py_script_postfix(model) -%}
# The model ends here. What follows was generated, so that dbt.ref() and its kin find their relations.

{{ build_ref_function(model) }}


{{ build_source_function(model) }}


{{ build_config_dict(model) }}


class config:
    def __init__(self, *args, **kwargs):
        pass

    @staticmethod
    def get(key, default=None):
        return config_dict.get(key, default)

    @staticmethod
    def meta_get(key, default=None):
        return meta_dict.get(key, default)


class this:
    database = {{ tojson(this.database) if this.database else None }}
    schema = {{ tojson(this.schema) }}
    identifier = {{ tojson(this.identifier) }}

    def __repr__(self):
        return {{ tojson(resolve_model_name(this)) }}


class dbtObj:
    def __init__(self, load_df_function):
        self.ref = lambda *names, **named: ref(*names, **named, dbt_load_df_function=load_df_function)
        self.source = lambda *names: source(*names, dbt_load_df_function=load_df_function)
        self.config = config
        self.this = this()
        self.is_incremental = {{ is_incremental() }}

{{ py_script_comment() }}
{%- endmacro %}

{# For projects that want to say something at the end of the script. #}
{% macro py_script_comment() -%}
{%- endmacro %}

{# dbt-duckdb's script for a Python model: the code, and a function that makes a table of its result. #}
{% macro py_write_table(temporary, relation, compiled_code) -%}
{{ compiled_code }}

def materialize(df, con):
    try:
        from pyarrow import Table, dataset
        if isinstance(df, Table):
            df = dataset.dataset(df)
    except ImportError:
        pass
    name = '__dbt_python_model_df_' + '{{ relation.identifier }}'
    con.register(name, df)
    con.execute('create table {{ relation }} as select * from ' + name)
    con.unregister(name)
{%- endmacro %}
