using System.Security.Cryptography;
using System.Text;
using WirePS.Cryptography;

namespace WirePS.Tests.Support;

/// <summary>Stretches codes for nothing: as a function of the code the real one is tested by its vectors.</summary>
internal sealed class QuickStretcher : ICodeStretcher
{
    private QuickStretcher()
    {
    }

    public static QuickStretcher Instance { get; } = new();

    public StretchedCode Stretch(string canonicalCode)
    {
        var hash = SHA512.HashData(Encoding.ASCII.GetBytes("quick " + canonicalCode));

        // Cleared top bits make it a scalar below the group order without any arithmetic.
        var w = hash[32..];
        w[31] &= 0x0F;
        return new StretchedCode(Convert.ToHexStringLower(hash[..32]), SecretBytes.CopyOf(w));
    }
}
