# What a package holds beside the program, and the Debian package itself: `./dev package`.
# `cmake --build ... --target package_files` makes the generated files; `cpack` then only packs.
set(PACKAGE_FILES_DIR ${PROJECT_BINARY_DIR}/packaging)
set(PACKAGING_DIR ${PROJECT_SOURCE_DIR}/packaging)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "")
set(CPACK_PACKAGE_CONTACT "dolibarr-backup maintainers <maintainers@dolibarr-backup.invalid>" CACHE STRING
    "Maintainer of the Debian package: Name <address>")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR})
set(CPACK_STRIP_FILES ON)
set(CPACK_SET_DESTDIR ON) # /etc is outside of the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION TRUE)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# tzdata: the retention counts in the days of a time zone. ca-certificates: stores speak https.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "adduser, ca-certificates, tzdata")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "postgresql-client") # pg_dump, of the server's major or newer
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "postgresql") # a server for drills, of the same major
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "consistent backups of the Dolibarr ERP")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
    "Backs up a Dolibarr ERP, its PostgreSQL database and its documents tree, as
one consistent pair, to an S3-compatible store or a directory. Only what
changed is uploaded; what is kept follows days, months and fiscal years.
.
Brings back an instance or single documents, proves archives by drills, and
fills sandboxes that send nothing. systemd timers run it once there are
settings; the archives can be read with pg_restore and tar alone.")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA
    ${PACKAGING_DIR}/debian/conffiles ${PACKAGING_DIR}/debian/postinst
    ${PACKAGING_DIR}/debian/prerm ${PACKAGING_DIR}/debian/postrm)

string(TIMESTAMP PACKAGE_DATE "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH if it is set
configure_file(${PACKAGING_DIR}/debian/changelog.in ${PACKAGE_FILES_DIR}/changelog.Debian @ONLY)

function(add_package_file output)
  cmake_parse_arguments(ARG "" "" "COMMAND;DEPENDS" ${ARGN})
  add_custom_command(OUTPUT ${PACKAGE_FILES_DIR}/${output} DEPENDS ${ARG_DEPENDS} VERBATIM
                     COMMAND ${ARG_COMMAND} > ${PACKAGE_FILES_DIR}/${output})
  set_property(GLOBAL APPEND PROPERTY package_files ${PACKAGE_FILES_DIR}/${output})
endfunction()

function(add_gzipped output source)
  add_package_file(${output} DEPENDS ${source} COMMAND gzip -9nc ${source})
endfunction()

foreach(shell bash zsh fish)
  add_package_file(completion.${shell} DEPENDS dolibarr-backup
                   COMMAND dolibarr-backup completion ${shell})
endforeach()
add_package_file(settings.yaml.example DEPENDS dolibarr-backup COMMAND dolibarr-backup config init)
add_gzipped(dolibarr-backup.1.gz ${PROJECT_SOURCE_DIR}/docs/man/dolibarr-backup.1)
add_gzipped(changelog.gz ${PROJECT_SOURCE_DIR}/CHANGELOG.md)
add_gzipped(changelog.Debian.gz ${PACKAGE_FILES_DIR}/changelog.Debian)
get_property(package_files GLOBAL PROPERTY package_files)
add_custom_target(package_files ALL DEPENDS ${package_files})

set(share ${CMAKE_INSTALL_DATADIR})
set(doc ${share}/doc/dolibarr-backup)
install(FILES ${PACKAGE_FILES_DIR}/completion.bash RENAME dolibarr-backup
        DESTINATION ${share}/bash-completion/completions)
install(FILES ${PACKAGE_FILES_DIR}/completion.zsh RENAME _dolibarr-backup
        DESTINATION ${share}/zsh/vendor-completions)
install(FILES ${PACKAGE_FILES_DIR}/completion.fish RENAME dolibarr-backup.fish
        DESTINATION ${share}/fish/vendor_completions.d)
install(FILES ${PACKAGE_FILES_DIR}/dolibarr-backup.1.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES chart/files/dolibarr-backup.rules.yaml DESTINATION ${CMAKE_INSTALL_DATADIR}/dolibarr-backup)
install(FILES ${PACKAGE_FILES_DIR}/settings.yaml.example DESTINATION /etc/dolibarr-backup)
install(FILES ${PACKAGING_DIR}/debian/copyright ${PACKAGE_FILES_DIR}/changelog.gz
              ${PACKAGE_FILES_DIR}/changelog.Debian.gz DESTINATION ${doc})
install(FILES README.md docs/operations.md docs/cluster-rights.yaml docs/format.md docs/json.md DESTINATION ${doc})
install(FILES ${PACKAGING_DIR}/debian/lintian-overrides RENAME dolibarr-backup
        DESTINATION ${share}/lintian/overrides)
file(GLOB units ${PACKAGING_DIR}/systemd/*)
install(FILES ${units} DESTINATION /lib/systemd/system) # where Debian 12 has them

include(CPack)
