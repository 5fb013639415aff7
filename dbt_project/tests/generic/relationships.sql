{# Every value, but null, is that of a row of another table. In the place of dbt's own, which names
   no key. #}
{% test relationships(model, column_name, to, field) %}
select {{ failed_key('dbt_subquery') }} as failed_key
from {{ model }}
where
    {{ column_name }} is not null
    and not exists (
        select 1 from {{ to }} as parent
        where parent.{{ field }} = dbt_subquery.{{ column_name }}
    )
{% endtest %}
