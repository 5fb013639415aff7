{# Measures that several analytics views have in common, so that they mean the same in each. #}

{# Columns: what is counted and summed of the tickets of a group. #}
{% macro ticket_measures() -%}
    count(*) as tickets,
    count(*) filter (where sla_response_status = 'breached') as response_breaches,
    count(*) filter (where sla_resolution_status = 'breached') as resolution_breaches,
    round(avg(resolution_min), 2) as average_resolution_minutes,
    count(*) filter (where refund_amount > 0) as refunded_tickets,
    coalesce(sum(refund_amount), 0) as refund_amount
{%- endmacro %}

{# Columns: the same, taken over from a CTE. #}
{% macro ticket_measure_columns(measured) -%}
    {{ measured }}.tickets,
    {{ measured }}.response_breaches,
    {{ measured }}.resolution_breaches,
    {{ measured }}.average_resolution_minutes,
    {{ measured }}.refunded_tickets,
    {{ measured }}.refund_amount
{%- endmacro %}

{# Columns: number, value and delivery time of the orders of a group. #}
{% macro order_measures(orders) -%}
    count(*) as orders,
    count(*) filter (where {{ orders }}.order_status = 'Delivered') as delivered_orders,
    sum({{ orders }}.total_amount) as total_amount,
    round(avg({{ orders }}.total_amount), 2) as average_total_amount,
    round(
        avg({{ elapsed_minutes(orders ~ '.created_at', orders ~ '.delivered_at') }}), 2
    ) as average_delivery_minutes
{%- endmacro %}

{# Expression: how long an orphan has to wait before it counts as a true one. #}
{% macro true_orphan_age() -%}
    make_interval(hours => {{ env_var('FASTFEAST_ORPHAN_HOURS', '24') | int }})
{%- endmacro %}

{# Expression: a number from some columns of a row, to be summed up over rows. #}
{% macro row_hash(row, columns) -%}
    ('x' || left(md5(concat_ws(
        '|'
        {%- for column in columns %}, coalesce({{ row }}.{{ column }}::text, ''){% endfor %}
    )), 8))::bit(32)::bigint
{%- endmacro %}
