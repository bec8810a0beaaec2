"""Tokens that say who somebody is: the live server has never heard of them before."""

from rest_framework_simplejwt.serializers import TokenObtainPairSerializer


class NamedTokens(TokenObtainPairSerializer):
    @classmethod
    def get_token(cls, user):
        token = super().get_token(user)
        token["first_name"] = user.first_name
        token["last_name"] = user.last_name
        return token
