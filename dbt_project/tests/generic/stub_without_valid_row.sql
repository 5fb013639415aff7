{# No stub has a valid row in a load that its dimension has digested. `model` is the stubs. #}
{% test stub_without_valid_row(model, consumer, source_name, key) %}
select {{ failed_key('stubs') }} as failed_key
from (select * from {{ model }}) as stubs
where exists (
    select 1
    from {{ source('raw', source_name) }} as valid
    inner join {{ source('ops', 'pipeline_file_log') }} as log
        on valid._load_id = log.log_id
    inner join {{ source('ops', 'consumed_load') }} as digested
        on {{ has_read('digested', 'log') }}
    where valid.{{ key }} = stubs.{{ key }} and digested.consumer = '{{ consumer }}'
)
{% endtest %}
