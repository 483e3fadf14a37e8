"""Who may do what: hosts, origins, cookies, and the headers of every answer. It knows no web framework."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlstream_panel.tokens import Role, Tokens

_YEAR = 365 * 24 * 3600
_USUAL = 80
"""The port that browsers leave out."""


class Access:
    """The rules of one panel.

    Args:
        hosts: names and addresses under which the page is opened, without the port.
        tokens: None where everybody on this machine may act.
        lookers: whether there is anything for those who may only look.
    """

    def __init__(self, hosts: Sequence[str], port: int, tokens: Tokens | None, lookers: bool = True) -> None:
        self.port, self._tokens, self._lookers = port, tokens, lookers
        self.hosts = tuple(host.lower() if port == _USUAL else f"{host.lower()}:{port}" for host in hosts)
        self.cookie_name = f"dlstream_panel_{port}"
        """By port: cookies ignore ports, and two rigs may run on one machine."""

    @property
    def needs_token(self) -> bool:
        """Whether a browser has to show a token first."""
        return self._tokens is not None

    def knows_host(self, host: str | None) -> bool:
        """Whether a request was sent to one of the panel's own names: a rebound name is somebody else's."""
        return host is not None and host.lower() in self.hosts

    def is_own_origin(self, origin: str | None, host: str | None) -> bool:
        """Whether a request comes from the panel's own page, under the name under which it was opened."""
        return self.knows_host(host) and origin is not None and origin.lower() == f"http://{str(host).lower()}"

    @staticmethod
    def is_of_another_page(site: str | None) -> bool:
        """Whether `Sec-Fetch-Site` says that another page asks: it can't read, but could make the panel work."""
        return site is not None and site not in ("same-origin", "none")

    def role(self, cookies: Mapping[str, str]) -> Role | None:
        """What a browser with these cookies may do; None: nothing."""
        if self._tokens is None:
            return Role.CONTROL
        role = self._tokens.role_of_cookie(cookies.get(self.cookie_name, ""), self.port)
        return role if self._lookers or role is Role.CONTROL else None

    def sign_in(self, token: str) -> tuple[Role, str] | None:
        """The role of a token, and the header `Set-Cookie` for it; None: no such token."""
        role = self._tokens.role_of(token) if self._tokens else None
        if role is None or self._tokens is None or not (self._lookers or role is Role.CONTROL):
            return None
        value = self._tokens.cookie(role, self.port)
        flags = f"Path=/; Max-Age={_YEAR}; HttpOnly; SameSite=Strict"
        return role, f"{self.cookie_name}={value}; {flags}"

    def links(self) -> dict[str, str]:
        """The page's address for each role, with the token in the fragment, which no browser sends anywhere."""
        page = f"http://{self.hosts[0]}/"
        if self._tokens is None:
            return {"": page}
        links = {"control": f"{page}#token={self._tokens.control}"}
        return {**links, "view only": f"{page}#token={self._tokens.view}"} if self._lookers else links

    def headers(self, host: str | None) -> dict[str, str]:
        """The headers of every answer."""
        own = f" ws://{host}" if self.knows_host(host) else ""
        return {
            "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
            f"connect-src 'self'{own}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
            "Cache-Control": "no-store",
        }
