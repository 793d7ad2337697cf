#include "core/settings.h"

namespace dolibarr_backup {

std::string settings_template() {
  return R"yaml(# Settings of dolibarr-backup. Lines that begin with '#' show the other settings; what
# is left out has the value shown, or none where the text says so.
# After editing: dolibarr-backup --config THIS_FILE config show

# What all environments have in common. An environment's own setting wins.
defaults:
  store:
    # A bucket that exists, at a service that speaks S3 ...
    bucket: erp-backups
    endpoint: https://storage.googleapis.com # left out: AWS, https://s3.REGION.amazonaws.com
    region: auto
    # addressing: path              # or virtual-host
    # ca_file: /etc/ssl/private-ca.pem  # further authority to trust, PEM
    # allow_http: false             # plain http to another machine

    # Credentials: the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a
    # file as the AWS tools write it ("[default]", "aws_access_key_id = ...") ...
    credentials_file: /etc/dolibarr-backup/s3-credentials
    # profile: default
    # ... or a file for each value ...
    # access_key_id_file: /run/secrets/s3/AWS_ACCESS_KEY_ID
    # secret_access_key_file: /run/secrets/s3/AWS_SECRET_ACCESS_KEY
    # session_token_file: /run/secrets/s3/AWS_SESSION_TOKEN
    # ... or, if only its owner can read this file, the values themselves.
    # access_key_id: ""
    # secret_access_key: ""
    # session_token: ""

    # ... or a directory instead of a bucket:
    # directory: /mnt/backups

    # stall_timeout: 60s            # a transfer slower than 1 KiB/s for this long fails
    # retries: 5                    # further tries of what failed in passing

  time_zone: Europe/Paris           # of the retention; left out: UTC

  # What stays restorable: the end of each of the last days, months and fiscal years.
  retention:
    days: 30
    months: 12
    years: 11
    fiscal_year_end: "12-31"

  # max_unchanged_days: 30          # take a half again after this time though it is unchanged
  # pair_attempts: 3                # times to take both halves again when something moved
  # settle_timeout: 30s             # wait for open transactions before judging the pair
  # max_prune_percent: 50           # of one half's archives that one prune may remove
  # orphan_grace: 72h               # unfinished backups stay at least this long
  # uploads_older_than: 24h         # unfinished uploads are aborted after this time
  # max_age: 26h                    # status: a last success older than this is stale
  # proof_max_age: 35d              # status: so often at least a verify and a drill
  # workers: 0                      # compression threads; 0: as many as processors
  # upload_memory: 24MiB            # buffers of one upload

  # How the backups stand, for Prometheus, after each run.
  # metrics:
  #   textfile: /var/lib/prometheus/node-exporter # the folder of its textfile collector
  #   pushgateway: http://pushgateway.internal:9091
  #   pushgateway_user: ""
  #   pushgateway_password_file: /etc/dolibarr-backup/push-password
  #   pushgateway_password: ""      # only if nobody but its owner can read this file

  # Who is told of each backup, prune, verify and drill. Addresses of ping and webhook are
  # secrets: in this file only if nobody but its owner can read it, else in a file each.
  # To try it: dolibarr-backup --env prod notify test
  # notify:
  #   ping:                         # a check at healthchecks.io for each command
  #     backup_file: /etc/dolibarr-backup/ping-backup # or backup: https://hc-ping.com/UUID
  #     prune_file: /etc/dolibarr-backup/ping-prune   # or prune: ...
  #     verify_file: /etc/dolibarr-backup/ping-verify # or verify: ...
  #     drill_file: /etc/dolibarr-backup/ping-drill   # or drill: ...
  #   webhook:                      # a POST of JSON
  #     url_file: /etc/dolibarr-backup/webhook        # or url: https://hooks.example.com/...
  #     authorization_file: /etc/dolibarr-backup/webhook-login # or authorization: Bearer ...
  #     when: failure               # or always
  #   mail:
  #     server: smtp://mail.example.com:587 # with STARTTLS; or smtps://HOST:465
  #     user: backup@example.com
  #     password_file: /etc/dolibarr-backup/mail-password # or password: ...
  #     from: backup@example.com
  #     to: anna@example.com, ben@example.com
  #     when: failure               # or always
  #     allow_plaintext: false      # no STARTTLS, to another machine
  #   ca_file: /etc/ssl/private-ca.pem # further authority to trust, PEM

environments:
  prod:
    # prefix: erp/prod              # where its backups lie; left out: erp/ and the name
    # protected: true               # left out: true for prod, else false
    documents: /var/www/documents   # Dolibarr's documents tree (DOL_DATA_ROOT)
    # php_time_zone: Europe/Paris   # PHP's date.timezone, recorded with each backup; no default
    # conf_key_location: ""         # in words: where the key of conf.php is kept safe
    database:
      host: db.internal             # left out: the local socket
      # port: 5432
      name: dolibarr
      user: dolibarr_reader         # needs to read only; or user_file
      # user_file: /run/secrets/db/username
      password_file: /run/secrets/db/password # read again when a login is refused
      # password: ""                # only if nobody but its owner can read this file
      # sslmode: verify-full        # sslmode, sslrootcert, service: as libpq has them
      # sslrootcert: /etc/ssl/certs/db-ca.pem
      # service: ""
      # table_prefix: llx_
      # fingerprint: exact          # or tms: trusts time stamps, faster, misses some changes
      # connections: 2              # that read for the fingerprint at once
      # lock_wait: 60s              # pg_dump's wait for a lock
      # pg_dump: /usr/bin/pg_dump   # left out: the newest that fits the server

    # Its commands run in a cluster, next to the data, by kubectl. The store's credentials above
    # do not count then: they come from the Secret, as does the endpoint if none is set.
    # kubernetes:
    #   context: prod-cluster       # of kubectl's configuration
    #   namespace: erp-prod         # Dolibarr's
    #   documents_claim: erp-documents
    #   documents_sub_path: ""      # folder of the volume; left out: the whole volume
    #   image: registry.example.com/dolibarr-backup:0.1.0
    #   image_pull_policy: IfNotPresent
    #   image_pull_secret: ""
    #   database_secret: vso-db-credentials
    #   database_username_key: username
    #   database_password_key: password
    #   database_ca_config_map: ""  # with ca.crt, for sslmode: verify-full; or a Secret:
    #   database_ca_secret: ""
    #   store_secret: longhorn-gcs-backup-credentials # AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_ENDPOINTS
    #   store_secret_namespace: longhorn-system
    #   store_ca_config_map: ""     # with ca.crt; or a Secret:
    #   store_ca_secret: ""
    #   conf_key_secret: ""         # with conf.php's key as "key", for drills
    #   service_account: default
    #   node_selector: ""           # kubernetes.io/arch=amd64,pool=backup
    #   tolerations: ""             # of taints: pool=backup:NoSchedule,dedicated:NoExecute
    #   priority_class: ""
    #   pod_labels: ""              # for your network policies
    #   cpu_request: 250m           # cpu_request, memory_request, memory_limit: a drill has
    #   memory_request: 256Mi       # twice as much if left out
    #   memory_limit: 1Gi
    #   run_as_user: 33             # who may read the documents
    #   run_as_group: 33
    #   deadline: 6h                # the cluster ends a run after this time ...
    #   job_ttl: 10m                # ... and removes what a killed one left after this time
    #   pending_timeout: 2m         # for a pod that does not start, a cluster that does not answer
    #   kubectl: kubectl            # the program

  # A second instance beside it:
  # sandbox:
  #   documents: /srv/sandbox/documents
  #   database:
  #     host: sandbox-db.internal
  #     name: dolibarr
  #     user: dolibarr_reader
  #     password_file: /run/secrets/sandbox-db/password
)yaml";
}

}  // namespace dolibarr_backup
