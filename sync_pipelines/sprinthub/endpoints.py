"""What the receiver serves for the CRM: the webhook for new leads, where SPRINTHUB_WEBHOOK switches it on.

Callers prove who they are by SPRINTHUB_WEBHOOK_SECRET, in the header `X-Webhook-Secret` or as a bearer token. A URL
cannot hold it, because URLs end in the logs of every machine between: a CRM that can send to a URL only calls a
reverse proxy, which checks what it can (a path nobody guesses, the CRM's addresses) and adds the header.
"""

from __future__ import annotations

from sync_pipelines.lib.http.endpoints import Credentials, Endpoint, Mount, Setting
from sync_pipelines.settings.sprinthub import SprinthubSettings
from sync_pipelines.sprinthub.new_leads.webhook import LeadWebhook


def endpoints(settings: SprinthubSettings) -> Mount:
    """The webhook, where it is on. It needs the ops database alone: a drain elsewhere does the rest."""
    secret = settings.sprinthub_webhook_secret
    return Mount(
        credentials=Credentials(
            project="SprintHub",
            shared_secret=Setting("SPRINTHUB_WEBHOOK_SECRET", secret.get_secret_value() if secret else None),
        ),
        endpoints=[webhook(settings)] if settings.sprinthub_webhook else [],
        absent="the webhook for new leads is off (SPRINTHUB_WEBHOOK=true switches it on)",
    )


def webhook(settings: SprinthubSettings) -> Endpoint:
    return Endpoint(
        settings.sprinthub_webhook_path,
        handler=LeadWebhook(settings.webhook_lead_id_paths).receive,
        takes_shared_secret=True,
    )
