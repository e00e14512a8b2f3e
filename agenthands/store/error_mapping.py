"""Maps a store's errors to StoreNotUsable or StoreUnavailable, with a message and a hint."""

from __future__ import annotations

import errno

from agenthands.errors import AgentHandsError, StoreNotUsable, StoreUnavailable


class ContentDiffers(Exception):
    """The store returned other content than was written."""


class ObjectTooLarge(Exception):
    """The store holds a larger object than AgentHands writes."""


_CHOOSE = "Choose a folder that this user may write with --store or AGENTHANDS_STORE."
_ENDPOINT = "Check the URL and AWS_ENDPOINT_URL, and that the server runs; nothing that was built is lost."
_KEYS = "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or AWS_PROFILE) for this bucket."

# Error numbers, S3 codes and class names -> what they mean. The first row that contains a sign of the error wins.
_TROUBLES: tuple[tuple[str, type[AgentHandsError], str, str], ...] = (
    ("NoCredentialsError PartialCredentialsError ProfileNotFound TokenRetrievalError SSOError",
     StoreNotUsable, "no credentials were found", _KEYS),
    ("InvalidAccessKeyId SignatureDoesNotMatch ExpiredToken ExpiredTokenException InvalidToken "
     "TokenRefreshRequired AuthorizationHeaderMalformed InvalidSecurity UnauthorizedSSOTokenError 401",
     StoreNotUsable, "the credentials are refused", _KEYS),
    ("NoSuchBucket", StoreNotUsable, "the bucket does not exist",
     "Create the bucket, or name another one with --store or AGENTHANDS_STORE."),
    ("InvalidBucketName ParamValidationError PermanentRedirect 301 IllegalLocationConstraintException "
     "ValueError",
     StoreNotUsable, "the address is not usable", "Check the URL, AWS_ENDPOINT_URL and AWS_REGION."),
    ("QuotaExceeded XMinioStorageFull InsufficientStorage ENOSPC EDQUOT EFBIG",
     StoreNotUsable, "there is no space left", "Free some space, or choose another place with --store."),
    ("ContentDiffers", StoreUnavailable, "it gave back other content than was written",
     "Another build may be writing the same object, or the store is damaged; try again."),
    ("ObjectTooLarge", StoreNotUsable, "it holds a larger object than AgentHands writes",
     "Somebody else wrote it; remove it, or name another place with --store."),
    ("ImportError", StoreNotUsable, "the library for this kind of store is not installed",
     "Install what the message names beside agenthands, or use a folder or an s3:// URL."),
    ("EROFS", StoreNotUsable, "the file system is read-only", _CHOOSE),
    ("ENOTDIR EEXIST NotADirectoryError FileExistsError",
     StoreNotUsable, "a part of the path is a file, not a folder", _CHOOSE),
    ("EISDIR IsADirectoryError", StoreNotUsable, "a folder stands where an object must be", _CHOOSE),
    ("ENAMETOOLONG EINVAL ELOOP", StoreNotUsable, "the path cannot be used", _CHOOSE),
    ("AccessDenied AllAccessDisabled AccountProblem 403",
     StoreNotUsable, "access is denied", f"Grant read, write, list and delete on it. {_KEYS}"),
    ("EACCES EPERM PermissionError", StoreNotUsable, "permission is denied", _CHOOSE),
    ("NotImplementedError", StoreNotUsable, "this kind of store cannot be written",
     "Use a folder or an s3:// URL."),
    ("EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError HTTPClientError "
     "FSTimeoutError TimeoutError ConnectionError ETIMEDOUT ECONNREFUSED",
     StoreUnavailable, "it does not answer", _ENDPOINT),
    ("SlowDown ServiceUnavailable InternalError RequestTimeout RequestTimeTooSkewed 500 502 503 504",
     StoreUnavailable, "it fails at the moment", f"Some servers say this when they are full. {_ENDPOINT}"),
    ("ENOENT FileNotFoundError", StoreNotUsable, "the folder cannot be made", _CHOOSE),
    ("OSError BotoCoreError ClientError", StoreUnavailable, "it failed", _ENDPOINT),
)  # fmt: skip


def translation(error: Exception, url: str) -> AgentHandsError | None:
    """Return our error for an error of the store at `url`; None if it is not a store's error but a bug."""
    found = signs(error)
    for known, kind, what, hint in _TROUBLES:
        if not found.isdisjoint(known.split()):
            return kind(f"The store {url} cannot be used: {what} ({_told(error)}).", hint)
    return None


def signs(error: BaseException) -> set[str]:
    """Return the class names, error numbers, S3 codes and HTTP statuses of an error and its causes."""
    found: set[str] = set()
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        found.update(kind.__name__ for kind in type(link).__mro__)
        found.add(errno.errorcode.get(getattr(link, "errno", None) or 0, ""))
        response = getattr(link, "response", None)
        if isinstance(response, dict):
            found.add(str(response.get("Error", {}).get("Code", "")))
            found.add(str(response.get("ResponseMetadata", {}).get("HTTPStatusCode", "")))
        link = link.__cause__ or link.__context__
    return found - {""}


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:300] or type(error).__name__
