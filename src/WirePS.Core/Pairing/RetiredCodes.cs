using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;

namespace WirePS.Pairing;

/// <summary>
/// Finds a pairing by its code when the code is gone: the file of an ended pairing of v2 keeps only a hash that the code
/// leads to (pairing-v2.md §6), and people go on to name the pairing as they have named it before.
/// </summary>
/// <param name="store">The pairings.</param>
/// <param name="stretcher">Stretches codes.</param>
public sealed class RetiredCodes(PendingPairStore store, ICodeStretcher stretcher)
{
    /// <summary>The ended pairings that had this code. Costs a stretch, so only what has been looked for by name is looked for here.</summary>
    /// <param name="code">The code in its canonical form; one of v1 stays in its file, so it is found by name or not at all.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<PairFile>> FindAsync(string code, CancellationToken cancellationToken)
    {
        var ended = store.List().Where(static f => f.Pair is { Code.Length: 0, LookupHash: not null }).ToArray();
        if (code.Length != PairingCode.SymbolCount || ended.Length == 0)
        {
            return [];
        }

        using var stretched = await stretcher.StretchAsync(code, cancellationToken).ConfigureAwait(false);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(stretched.Lookup)));
        return [.. ended.Where(f => f.Pair!.LookupHash == hash)];
    }
}
