{# In the place of dbt's own, which remembers nothing. In a folder of its own, for the linter does not
   know the tag. #}
{% materialization test, adapter='postgres' %}
    {%- set tested = tested_mart() -%}
    {% call statement('main', fetch_result=True) -%}
        -- Ends the transaction that the driver has begun, so that what is written stays: a statement
        -- to commit it would be one more for each test.
        commit;
        {{ remembering_keys(sql, tested) if tested else remembering_number(sql) }}
    {%- endcall %}
    {{ return({'relations': []}) }}
{% endmaterialization %}
