"""The app's addresses of a live's conversation, forwarded to the live server with the caller's own token."""

import json
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from rest_framework.decorators import api_view

# The headers of a request that the live server needs, and those of its answer that the caller does.
ASKED = ("Authorization", "Content-Type", "Accept-Language")
ANSWERED = ("Content-Type", "Retry-After")


@api_view(["GET", "POST"])
def chat(request, post_id):
    """The history, or one message more. Refusals come as the live server words them."""
    return forwarded(request, f"/api/posts/live/{post_id}/chat/")


@api_view(["GET"])
def messages(request, post_id):
    return forwarded(request, f"/api/posts/live/{post_id}/chat/messages/")


def page(request, post_id):
    """A page with the live and its conversation; the person's token comes from the app's own sign-in."""
    return render(request, "live.html", {"server": settings.LIVE_SERVER, "post_id": post_id})


def forwarded(request, path):
    query = request.META.get("QUERY_STRING", "")
    headers = {name: request.headers[name] for name in ASKED if name in request.headers}
    body = json.dumps(request.data).encode() if request.method == "POST" else None
    address = settings.LIVE_SERVER + path + (f"?{query}" if query else "")
    asked = Request(address, data=body, headers=headers, method=request.method)
    try:
        with urlopen(asked, timeout=20) as answer:
            return passed_on(answer.status, answer)
    except HTTPError as refusal:
        return passed_on(refusal.code, refusal)
    except URLError:
        return JsonResponse({"error": "Le serveur des lives ne répond pas."}, status=502)


def passed_on(status, answer):
    response = HttpResponse(answer.read(), status=status)
    for name in ANSWERED:
        if answer.headers.get(name):
            response[name] = answer.headers[name]
    return response
