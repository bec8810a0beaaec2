from django.urls import path
from rest_framework_simplejwt.views import TokenObtainPairView, TokenRefreshView

from . import views

urlpatterns = [
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    path("api/posts/live/<int:post_id>/chat/", views.chat),
    path("api/posts/live/<int:post_id>/chat/messages/", views.messages),
    path("lives/<int:post_id>/", views.page),
]
