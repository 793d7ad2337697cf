"""A mail server (Debian's python3-aiosmtpd) that keeps what it gets, read by Python's email module.

mail_server.py FOLDER PORT none|starttls|smtps [CERTIFICATE KEY]

Each mail becomes FOLDER/N.json. Logins are user "backup", password "s3cr3t-mail"; mail to
gone@example.com is refused. FOLDER/ready is there once it listens.
"""
import asyncio
import email
import email.policy
import json
import pathlib
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult

folder, port, tls = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
context = None
if tls != 'none':
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[4], sys.argv[5])


class Keeper:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == 'gone@example.com':
            return '550 no such user'
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        body = message.get_body(preferencelist=('plain',))
        kept = {'from': envelope.mail_from, 'to': envelope.rcpt_tos,
                'encrypted': bool(session.ssl or server.transport.get_extra_info('sslcontext')),
                'authenticated': session.authenticated,
                'headers': [[name, str(value)] for name, value in message.items()],
                'defects': [str(one) for part in message.walk() for one in part.defects],
                'charset': body.get_content_charset(), 'text': body.get_content(),
                'longest_line': max(map(len, envelope.content.splitlines()))}
        Keeper.count += 1
        (folder / f'{Keeper.count}.json').write_text(json.dumps(kept))
        return '250 kept'


def authenticate(server, session, envelope, mechanism, data):
    good = (data.login, data.password) == (b'backup', b's3cr3t-mail')
    return AuthResult(success=good, handled=False)


def session():
    return SMTP(Keeper(), authenticator=authenticate, auth_require_tls=False,
                tls_context=context if tls == 'starttls' else None,
                require_starttls=tls == 'starttls')


async def serve():
    server = await asyncio.get_running_loop().create_server(
        session, '0.0.0.0', port, ssl=context if tls == 'smtps' else None)
    (folder / 'ready').touch()
    await server.serve_forever()


asyncio.run(serve())
