#pragma once

#include "core/settings.h"

namespace dolibarr_backup {

/// An environment in a cluster, as small as it can be.
inline EnvironmentSettings cluster_environment() {
  EnvironmentSettings environment;
  environment.name = "prod";
  environment.prefix = "erp/prod";
  environment.is_protected = true;
  environment.in_cluster = true;
  environment.documents = "/var/www/documents";
  environment.store.s3.bucket = "erp-backups";
  environment.database.host = "erp-db";
  environment.database.name = "dolibarr";
  environment.kubernetes.context = "test";
  environment.kubernetes.namespace_ = "erp";
  environment.kubernetes.documents_claim = "erp-documents";
  environment.kubernetes.image = "registry.example/dolibarr-backup:1.0";
  return environment;
}

}  // namespace dolibarr_backup
