"""Secret Manager and Cloud KMS on loopback, spoken to by Google's own clients over plain gRPC.

Each fails the next calls with the status codes in ``failures``; the key of the fake KMS is XOR.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from google.cloud import kms_v1, secretmanager_v1
from google.cloud.kms_v1.services.key_management_service.transports import (
    KeyManagementServiceGrpcTransport,
)
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

_SECRETS = "google.cloud.secretmanager.v1.SecretManagerService"
_KMS = "google.cloud.kms.v1.KeyManagementService"


class FakeGoogle:
    """Both services: ``secrets`` by full name, ``asked`` in order."""

    def __init__(self) -> None:
        self.secrets: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.failures: list[grpc.StatusCode] = []

    def access(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._note(request, context)
        data = self.secrets.get(request.name)
        if data is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "no such secret")
        return secretmanager_v1.AccessSecretVersionResponse(
            name=request.name, payload={"data": data}
        )

    def encrypt(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._note(request, context)
        bound = request.additional_authenticated_data
        sealed = bytes([len(bound)]) + bound + bytes(b ^ 0x5A for b in request.plaintext)
        return kms_v1.EncryptResponse(name=request.name, ciphertext=sealed)

    def decrypt(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._note(request, context)
        size = request.ciphertext[0]
        bound, rest = request.ciphertext[1 : size + 1], request.ciphertext[size + 1 :]
        if bound != request.additional_authenticated_data:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "decryption failed")
        return kms_v1.DecryptResponse(plaintext=bytes(b ^ 0x5A for b in rest))

    def _note(self, request: Any, context: grpc.ServicerContext) -> None:
        self.asked.append(request.name)
        if self.failures:
            context.abort(self.failures.pop(0), "told to fail")


@contextmanager
def google_servers() -> Iterator[tuple[FakeGoogle, Any, Any]]:
    """Yield the fake, a Secret Manager client and a KMS client on it."""
    fake = FakeGoogle()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    secrets = {
        "AccessSecretVersion": _unary(fake.access, secretmanager_v1.AccessSecretVersionRequest)
    }
    keys = {
        "Encrypt": _unary(fake.encrypt, kms_v1.EncryptRequest),
        "Decrypt": _unary(fake.decrypt, kms_v1.DecryptRequest),
    }
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler(_SECRETS, secrets),
            grpc.method_handlers_generic_handler(_KMS, keys),
        )
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield (
            fake,
            secretmanager_v1.SecretManagerServiceClient(
                transport=SecretManagerServiceGrpcTransport(channel=channel)
            ),
            kms_v1.KeyManagementServiceClient(
                transport=KeyManagementServiceGrpcTransport(channel=channel)
            ),
        )
    server.stop(0).wait()


def _unary(method: Any, request: Any) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(
        method,
        request_deserializer=request.deserialize,
        response_serializer=lambda message: type(message).serialize(message),
    )
