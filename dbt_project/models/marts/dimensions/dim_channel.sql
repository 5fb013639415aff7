-- grain: one row per channel
{{
    config(
        unique_key='channel_id',
        pre_hook="{{ claim_loads('dim_channel', ['channels']) }}",
        post_hook=dimension_hooks('dim_channel', 'channels', 'channel_id'),
    )
}}

with

members as (
    {{ changed_members('dim_channel', 'channels', 'channel_id') }}
)

select
    member_key as channel_id,
    channel_name,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
