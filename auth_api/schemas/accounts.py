"""Accounts and sessions: what is asked, and what is answered."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from auth_api.schemas.types import (
    DeviceOrCurrent,
    Model,
    NewPassword,
    NewUsername,
    Password,
    PathModel,
    RefreshToken,
    ShownName,
    Username,
)


class Registration(Model):
    """Ask for an account."""

    username: NewUsername
    password: NewPassword
    display_name: ShownName | None = None


class Login(Model):
    """Ask for a session."""

    username: Username
    password: Password
    device_name: ShownName | None = None


class Refresh(Model):
    """Ask for fresh tokens."""

    refresh_token: RefreshToken


class ProfileChange(Model):
    """Change the profile; null takes the display name away."""

    display_name: ShownName | None


class PasswordChange(Model):
    """Change the password."""

    current_password: Password
    new_password: NewPassword


class AccountDeletion(Model):
    """Confirm that the account is to be deleted."""

    password: Password


class UsernamePath(PathModel):
    """A user named in a path."""

    username: Username


class DevicePath(PathModel):
    """A session named in a path."""

    device: DeviceOrCurrent


class Profile(Model):
    """What others see of a user."""

    username: str
    display_name: str | None
    created_at: datetime


class Device(Model):
    """The device that a session is."""

    id: str
    name: str | None


class MqttBlock(Model):
    """What a client needs to connect to the broker."""

    host: str
    port: int = Field(ge=1, le=65535)
    tls: bool
    username: str
    password: str
    client_id: str
    expires_at: datetime


class Session(Model):
    """A session's tokens."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    refresh_token: str
    device: Device
    user: Profile
    mqtt: MqttBlock


class SessionEntry(Model):
    """One session of the caller."""

    id: str
    name: str | None
    created_at: datetime
    last_seen_at: datetime
    current: bool


class SessionList(Model):
    """All sessions of the caller, the newest first."""

    sessions: list[SessionEntry]


class BlockList(Model):
    """Whom the caller blocks, in the order of their names."""

    blocked: list[str]
