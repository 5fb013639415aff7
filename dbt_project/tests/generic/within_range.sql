{# Values are within bounds, both inclusive and optional; null passes. #}
{% test within_range(model, column_name, minimum="null", maximum="null") %}
select {{ failed_key('dbt_subquery') }} as failed_key
from {{ model }}
where {{ column_name }} < {{ minimum }} or {{ column_name }} > {{ maximum }}
{% endtest %}
