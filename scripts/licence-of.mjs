/** The licence that a package says it has, from its manifest; old packages list several by type. */
export function licenceOf({ license, licenses }) {
  return license ?? licenses?.map(({ type }) => type).join(' OR ');
}
