{# No two rows have the same value. In the place of dbt's own, which names no key. #}
{% test unique(model, column_name) %}
select min({{ failed_key('dbt_subquery') }}) as failed_key
from {{ model }}
where {{ column_name }} is not null
group by {{ column_name }}
having count(*) > 1
{% endtest %}
