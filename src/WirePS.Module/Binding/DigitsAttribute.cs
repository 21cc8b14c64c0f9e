using System.Management.Automation;

namespace WirePS.Module.Binding;

/// <summary>
/// Keeps numbers out of a parameter that takes digits as text: a number has lost its leading zeros, and digits that
/// were not read out as they stand are no proof. What was a number becomes <see cref="ANumber"/>, which the command
/// refuses as WireInvalidDigits.
/// </summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class DigitsAttribute : ArgumentTransformationAttribute
{
    /// <summary>Stands for a value that was not text.</summary>
    public const string ANumber = "(a number)";

    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) =>
        inputData is string or PSObject { BaseObject: string } ? inputData : ANumber;

    /// <summary>The text that was typed. <see cref="WireReason.InvalidDigits"/> for a number.</summary>
    internal static string Require(string typed) => typed != ANumber
        ? typed
        : throw new WireException(WireReason.InvalidDigits, "The digits were given as a number, which has no leading zeros; quote them: -Digits '012-345'. Nothing was changed.");
}
