-- grain: one row per team
{%- set references = [('agents', 'team_id')] %}
{{
    config(
        unique_key='team_id',
        pre_hook="{{ claim_loads('dim_team', ['teams', 'agents']) }}",
        post_hook=dimension_hooks('dim_team', 'teams', 'team_id', references),
    )
}}

with

members as (
    {{ changed_members('dim_team', 'teams', 'team_id', references) }}
)

select
    member_key as team_id,
    team_name,
    is_stub,
    stub_reason,
    false as is_absent,
    null::timestamp as absent_since,
    now() as _loaded_at
from members
