-- grain: one row per order to look at again, and one per load to digest (order_id is null)
{{ config(sql_header=read_by_index()) }}

with

loads as (
    {{ pending_fact_loads('fact_order', 'orders', foreign_keys('fact_order')) }}
),

given_up as (
    {{ given_up_loads('orders') }}
),

changes as (
    select
        loaded.order_id,
        'loaded' as reason
    from ({{ values_of_loads('loads', 'orders', 'order_id') }}) as loaded

    union all

    select
        removed.key as order_id,
        'removed' as reason
    from ({{ removed_keys('loads', 'orders') }}) as removed

    union all

    select
        healed.order_id,
        'healed' as reason
    from ({{ healed_orphans('fact_order', 'order_id', foreign_keys('fact_order')) }}) as healed

    union all

    select
        pending.order_id,
        'pending' as reason
    from ({{ pending_keys('fact_order', 'order_id') }}) as pending
    {%- set fact_order = existing_mart('fact_order') %}
    {%- if fact_order %}

    union all

    select
        carrying.order_id,
        'removed' as reason
    from ({{ rows_of_replaced('given_up', fact_order, 'order_id') }}) as carrying
    {%- endif %}
)

select
    order_id::varchar(36) as order_id,
    min(reason) as reason,
    bool_or(reason = 'removed') as has_left_a_file,
    null::bigint as load_id,
    null::text as load_source,
    null::integer as load_generation
from changes
group by order_id

union all

select
    null::varchar(36) as order_id,
    'load' as reason,
    false as has_left_a_file,
    load_id,
    source as load_source,
    generation as load_generation
from loads
